import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  checkInstallScript,
  type CheckedScript,
  type ScriptContext,
} from '../../../../src/os/scripts/check-install-script.js';
import type { InstallScriptKind } from '../../../../src/os/scripts/kinds/registry.js';

/*
 * Scripts as people write them. The expected results agree with the program that reads the script: pykickstart
 * (ksvalidator), subiquity and cloud-init, YaST, Windows Setup, bsdinstall.
 */

const ANSWERS = (inside: string, pass = 'oobeSystem'): string =>
  `<?xml version="1.0" encoding="utf-8"?>\n<unattend xmlns="urn:schemas-microsoft-com:unattend"><settings pass="${pass}"><component name="c">${inside}</component></settings></unattend>`;
const RUN = (command: string): string => ANSWERS(`<CommandLine>${command}</CommandLine>`);
const BSD = (script: string): string =>
  `PARTITIONS="vtbd0"\nDISTRIBUTIONS="kernel.txz base.txz"\n#!/bin/sh\n${script}\n`;
const MODE = (inside: string): string =>
  `<profile xmlns="http://www.suse.com/1.0/yast2ns" xmlns:config="http://www.suse.com/1.0/configns"><general><mode>${inside}</mode></general></profile>`;
const TRUE = (name: string): string => `<${name} config:type="boolean">true</${name}>`;
const DRAKX = (answer: string): string => `$o = {\n  'lang' => 'en_US',\n  ${answer},\n};\n`;
const PRESEED = 'd-i debian-installer/exit/poweroff boolean true\n';

/** A script of each kind that does not say that it powers the machine off. */
const ENDLESS: Record<InstallScriptKind, string> = {
  agama: '{"product": {"id": "SLES"}}',
  auto_inst: DRAKX("'autoExitInstall' => '1'"),
  autoinstall: 'version: 1\n',
  autounattend: ANSWERS(''),
  autoyast: MODE(''),
  installerconfig: BSD('echo done'),
  kickstart: 'text\n%packages\n%end\n',
  preseed: 'd-i debian-installer/locale string en_US\n',
};

const VALID: [InstallScriptKind, string, string][] = [
  [
    'autoinstall',
    'with answers for debconf',
    'version: 1\ndebconf-selections: |\n  a a/b boolean false\nshutdown: poweroff\n',
  ],
  ['autoinstall', 'with answers at the beginning', 'debconf-selections: |\n  a a/b boolean true\nshutdown: poweroff\n'],
  [
    'autoinstall',
    'with a program called install',
    'shutdown: poweroff\nlate-commands:\n- |\n  install -d /x\n  reboot\n',
  ],
  [
    'autoinstall',
    'with a kickstart’s words',
    '---\nversion: 1\nshutdown: poweroff\nearly-commands:\n- |\n  text\n  %pre\n',
  ],
  ['kickstart', 'with a shell variable PARTITIONS', 'text\npoweroff\n%pre\nPARTITIONS=$(lsblk)\n%end\n'],
  ['kickstart', 'with a preseed line', 'lang en_US\npoweroff\n%post\nd-i a/b boolean true\n#cloud-config\n%end\n'],
  ['kickstart', 'that begins with a command we do not know', 'eula --agreed\npoweroff\n'],
  ['kickstart', 'with a comment behind the command', 'text\npoweroff # the end\n'],
  ['kickstart', 'with an option', 'text\nshutdown --eject\n'],
  ['kickstart', 'with the command behind an include', '%include /tmp/disk\npoweroff\n'],
  ['preseed', 'with a kickstart’s words', `${PRESEED}d-i preseed/late_command string echo text \\\ntext\n`],
  [
    'preseed',
    'whose early command sets the answer',
    'd-i preseed/early_command string debconf-set debian-installer/exit/poweroff true\n',
  ],
  ['installerconfig', 'behind another command', BSD('sync && poweroff')],
  [
    'installerconfig',
    'whose settings begin with a script’s first line',
    '#!/bin/sh\nset -e\nPARTITIONS=x\n#!/bin/sh\npoweroff\n',
  ],
  ['kickstart', 'that begins with comments like those of cloud-init', '#include x\neula --agreed\npoweroff\n'],
  ['installerconfig', 'behind a semicolon', BSD('sysrc a=b; shutdown -p now')],
  ['installerconfig', 'with exec', BSD('exec /sbin/shutdown -p +1')],
  ['installerconfig', 'with other spellings', BSD('halt -lp')],
  ['installerconfig', 'in a block', BSD('if true; then\n  shutdown -o -p +0\nfi')],
  ['installerconfig', 'in a subshell', BSD('(sleep 5; poweroff) &')],
  ['installerconfig', 'in a word of sh', BSD("nohup sh -c 'sleep 3; init 0' >/dev/null 2>&1 &")],
  ['installerconfig', 'in a trap', BSD('trap "shutdown -p now" EXIT')],
  ['auto_inst', 'by systemctl', DRAKX("'postInstallNonRooted' => 'sync; systemctl poweroff -f'")],
  ['auto_inst', 'by shutdown', DRAKX('"postInstall" => "sleep 1 && /sbin/shutdown -hP now"')],
  ['autounattend', 'by shutdown /p', RUN('shutdown /p /f')],
  ['autounattend', 'by shutdown -p', RUN('%WINDIR%\\System32\\Shutdown.exe -p')],
  ['autounattend', 'by shutdown /sg', RUN('shutdown /sg /t 0 /d p:4:1')],
  ['autounattend', 'with a comment', RUN('shutdown /s /c &quot;will /r be next?&quot; /t 5')],
  ['autounattend', 'by cmd', RUN('cmd /c &quot;echo done &amp; shutdown /s /t 0&quot;')],
  ['autounattend', 'by PowerShell', RUN('powershell.exe -NoProfile -Command &quot;Stop-Computer -Force&quot;')],
  ['autounattend', 'by PowerShell’s shutdown', RUN("powershell -Command &quot;&amp; 'shutdown.exe' '/s'&quot;")],
  ['autounattend', 'by sysprep', RUN('C:\\Windows\\System32\\Sysprep\\sysprep.exe /generalize /oobe /shutdown')],
  ['autounattend', 'by Reseal', ANSWERS('<Reseal><ForceShutdownNow>true</ForceShutdownNow><Mode>OOBE</Mode></Reseal>')],
  ['autounattend', 'in the specialize pass', ANSWERS('<Path>shutdown /s</Path>', 'specialize')],
  [
    'autoyast',
    'with an external DTD',
    `<?xml version="1.0"?>\n<!DOCTYPE profile SYSTEM "/usr/share/autoinstall/dtd/profile.dtd">\n${MODE(TRUE('halt'))}`,
  ],
  [
    'autoyast',
    'with a public DTD and a subset',
    `<!DOCTYPE profile PUBLIC "p" "d.dtd" [<!ELEMENT a ANY><!ENTITY % b SYSTEM "c"> %b; <!ENTITY d "<e/>">]>\n${MODE(TRUE('halt'))}`,
  ],
  ['autoyast', 'with an entity of its DTD', `<!DOCTYPE profile SYSTEM "d.dtd">\n${MODE(`<a>&b;</a>${TRUE('halt')}`)}`],
  ['autoyast', 'with the short form of the type', MODE('<halt t="boolean">true</halt>')],
  ['autoyast', 'with many attributes', MODE(`<a ${'x'.repeat(5000)}="y"/>${TRUE('halt')}`)],
];

/** The kind of a script, its mistake, its text, and the message. */
const REFUSED: [InstallScriptKind, string, string, RegExp][] = [
  ['kickstart', 'capital letters', 'text\nPoweroff\n', /does not know the command "Poweroff": write "poweroff"/],
  ['kickstart', 'the words of the shell', 'text\nshutdown -h now\n', /does not accept "-h now" behind "shutdown"/],
  ['kickstart', 'halt -p', 'text\nhalt -p\n', /does not accept "-p" behind "halt".*write "poweroff"/],
  [
    'kickstart',
    'an include',
    'text\n%include /tmp/end\n',
    /cannot read the file of "%include \/tmp\/end".*assume_poweroff/,
  ],
  ['kickstart', '%ksappend', 'text\n%ksappend http://h/k\n', /cannot read the file of "%ksappend http:\/\/h\/k"/],
  [
    'preseed',
    'an include',
    'd-i preseed/include string a.cfg\n',
    /cannot see the answers from preseed\/include.*assume_poweroff/,
  ],
  ['preseed', 'a program', 'd-i preseed/run string a.sh\n', /cannot see the answers from preseed\/run/],
  ['installerconfig', 'the word in a message', BSD('echo poweroff'), /does not power the machine off/],
  ['installerconfig', 'the word in a comment', BSD('true # && poweroff'), /does not power the machine off/],
  ['installerconfig', 'the word in a file', BSD('cat >/x <<E\npoweroff\nE'), /does not power the machine off/],
  ['installerconfig', 'a warning only', BSD('shutdown -k -p now'), /does not power the machine off/],
  ['installerconfig', 'a reboot', BSD('sync; shutdown -r now'), /does not power the machine off/],
  ['installerconfig', 'shutdown without a time', BSD('shutdown -p'), /does not power the machine off/],
  [
    'installerconfig',
    'a power-off before the installation',
    'PARTITIONS=x\npoweroff\n#!/bin/sh\ntrue\n',
    /does not power/,
  ],
  ['installerconfig', 'a script that does not run', BSD('true\n#!/bin/sh\npoweroff'), /above line 5/],
  ['auto_inst', 'the word outside of a command', DRAKX("'postInstall' => 'sync', 'x' => 'poweroff'"), /DrakX/],
  ['auto_inst', 'the word in a message', DRAKX("'postInstall' => 'echo poweroff'"), /DrakX/],
  ['autounattend', 'a reboot', RUN('shutdown /r /t 0 /c &quot;no /s&quot;'), /leave the machine on/],
  ['autounattend', 'a message', RUN('cmd /c echo shutdown /s'), /leave the machine on/],
  ['autounattend', 'a comment', RUN('rem shutdown /s'), /leave the machine on/],
  ['autounattend', 'an abort', RUN('shutdown /a'), /leave the machine on/],
  [
    'autounattend',
    'Reseal that does not shut down',
    ANSWERS('<Reseal><ForceShutdownNow>false</ForceShutdownNow></Reseal>'),
    /leave/,
  ],
  ['autounattend', 'a shutdown before the installation', ANSWERS('<Path>shutdown /s</Path>', 'windowsPE'), /leave/],
  ['autounattend', 'a script on the medium', RUN('cmd /c D:\\setup.cmd'), /leave the machine on.*assume_poweroff True/],
  [
    'autoyast',
    'final_halt',
    MODE(TRUE('final_halt')),
    /boots the installer|installer boots again.*<halt config:type="boolean">true/,
  ],
  ['autoyast', 'halt and forceboot', MODE(TRUE('halt') + TRUE('forceboot')), /<forceboot> makes YaST reboot/],
  ['autoyast', 'final_reboot', MODE(TRUE('final_reboot')), /write <halt config:type="boolean">true<\/halt>/],
  [
    'autoyast',
    'a script that changes the profile',
    MODE('<a>cp x /tmp/profile/modified.xml</a>'),
    /this check cannot see .*modified\.xml\)/,
  ],
  ['autoyast', 'another root', '<domain/>', /its root is <domain>, not <profile>/],
  ['autoyast', 'broken XML behind a DTD', `<!DOCTYPE profile SYSTEM "d">\n<profile><a></profile>`, /not well-formed/],
];

describe('an install script of a stranger', () => {
  for (const [kind, what, text] of VALID) {
    it(`is valid: ${kind} ${what}`, () => {
      assert.deepEqual(checkInstallScript(kind, text), {
        script: checkInstallScript(kind, text).script,
        problems: [],
        warnings: [],
      });
    });
  }
  for (const [kind, what, text, message] of REFUSED) {
    it(`is refused: ${kind} with ${what}`, () => {
      const { problems } = checkInstallScript(kind, text);
      assert.equal(problems.length, 1, JSON.stringify(problems));
      assert.match(problems[0]?.message ?? '', message);
    });
  }

  it('whose ending cannot be seen is valid with a warning when the user says that it powers the machine off', () => {
    const hidden = REFUSED.filter(
      ([, , , message]) => !/does not (know|accept)|its root|well-formed/.test(message.source),
    );
    for (const [kind, what, text, message] of hidden) {
      const { problems, warnings } = checkInstallScript(kind, text, { assumesPowerOff: true });
      assert.deepEqual(problems, [], what);
      assert.match(warnings.join(), /^install script, line \d+: /);
      assert.match(`${warnings.join()} assume_poweroff True`, message);
    }
  });

  for (const [kind, text] of Object.entries(ENDLESS)) {
    it(`of any kind may end out of sight when the user says that it powers the machine off: ${kind}`, () => {
      const check = (assumesPowerOff: boolean): CheckedScript =>
        checkInstallScript(kind as InstallScriptKind, text, { assumesPowerOff });
      const [refused, accepted] = [check(false), check(true)];
      // The end of Agama is on the kernel's command line, so its profile has none.
      assert.equal(refused.lacksPowerOff, kind === 'agama' ? undefined : true);
      assert.equal(accepted.problems.length, 0, JSON.stringify(accepted.problems));
      assert.equal(accepted.warnings.length, refused.problems.length);
    });
  }

  it('of another kind is refused also when the user says that it powers the machine off', () => {
    assert.match(
      checkInstallScript('preseed', 'text\npoweroff\n', { assumesPowerOff: true }).problems[0]?.message ?? '',
      /kickstart/,
    );
  });

  it('may have final_halt where the installed system takes the place of the installer’s boot loader', () => {
    const problemsWith = (bootMethod: ScriptContext['bootMethod']): number =>
      checkInstallScript('autoyast', MODE(TRUE('final_halt')), { bootMethod }).problems.length;
    assert.deepEqual([problemsWith('stub'), problemsWith('direct'), problemsWith('iso')], [0, 1, 1]);
  });

  it('of AutoYaST is warned of a <halt> that older releases take for a text', () => {
    const { problems, warnings } = checkInstallScript('autoyast', MODE('<halt>true</halt>'));
    assert.deepEqual(problems, []);
    assert.match(warnings.join(), /config:type="boolean"/);
  });
});
