import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { checkInstallScript, detectScriptKind } from '../../../../src/os/scripts/check-install-script.js';
import type { InstallScriptKind } from '../../../../src/os/scripts/kinds/registry.js';

const PRESEED = 'd-i debian-installer/exit/poweroff boolean true\n';
const PROFILE = (mode: string): string =>
  `<?xml version="1.0"?>\n<profile xmlns:config="http://www.suse.com/1.0/configns">\n${mode}\n</profile>\n`;

const GOOD: [InstallScriptKind, string, string][] = [
  ['kickstart', 'with poweroff', 'text\npoweroff\n'],
  ['kickstart', 'with shutdown', 'text\nshutdown\n'],
  ['kickstart', 'with reboot and then poweroff', 'reboot\npoweroff\n'],
  ['kickstart', 'with poweroff after a section', 'text\n%packages\n@core\n%end\n  poweroff --eject\n'],
  ['kickstart', 'with DOS line ends', 'text\r\npoweroff\r\n'],
  ['preseed', 'with the answer', PRESEED],
  ['preseed', 'with the answer false and then true', PRESEED.replace('true', 'false') + PRESEED],
  ['preseed', 'with the answer on two lines', 'd-i debian-installer/exit/poweroff \\\n  boolean true\n'],
  ['autoinstall', 'as user data', '#cloud-config\nautoinstall:\n  version: 1\n  shutdown: poweroff\n'],
  ['autoinstall', 'alone', 'version: 1\nshutdown: poweroff\n'],
  ['autoyast', 'with halt', PROFILE('<general><mode><halt>true</halt></mode></general>')],
];

/** The kind of a script, its mistake, its text, and the line and message of the expected problem. */
const BAD: [InstallScriptKind, string, string, number, RegExp][] = [
  ['kickstart', 'no ending', 'text\nlang en_US\n', 3, /add the line "poweroff".*line 3/],
  [
    'kickstart',
    'no ending above a section',
    'text\n%packages\n@core\n%end\n',
    2,
    /add the line "poweroff" above line 2/,
  ],
  ['kickstart', 'halt', 'text\nhalt\n', 2, /"halt" leaves the machine on.*"poweroff"/],
  ['kickstart', 'reboot', 'text\n  reboot --eject\n', 2, /"reboot" reboots the machine.*"poweroff"/],
  ['kickstart', 'poweroff in %post only', 'text\n%post\npoweroff\n%end\n', 2, /add the line "poweroff"/],
  ['kickstart', 'poweroff in %pre only', 'text\n%pre\nshutdown\n%end\n', 2, /add the line "poweroff"/],
  ['kickstart', 'poweroff among the %packages', 'text\n%packages\npoweroff\n%end\n', 2, /add the line "poweroff"/],
  ['kickstart', 'a section without %end', 'text\n%packages\npoweroff\n', 2, /add the line "poweroff"/],
  ['kickstart', 'poweroff in a comment', 'text\n# poweroff\n', 3, /add the line "poweroff"/],
  [
    'preseed',
    'no answer',
    'd-i passwd/make-user boolean false\n',
    2,
    /add the line "d-i debian-installer\/exit\/poweroff boolean true"/,
  ],
  [
    'preseed',
    'the answer false',
    PRESEED.replace('true', 'false'),
    1,
    /leaves the machine on.*exit\/poweroff boolean true/,
  ],
  ['preseed', 'the question marked as asked', PRESEED.replace('boolean', 'seen'), 2, /add the line "d-i/],
  [
    'preseed',
    'halt',
    'd-i debian-installer/exit/halt boolean true\n',
    1,
    /leaves the machine on: add the line "d-i .*poweroff/,
  ],
  ['preseed', 'the answer in a comment', `d-i a/b string c\n#${PRESEED}`, 3, /add the line "d-i .*poweroff/],
  [
    'preseed',
    'poweroff by a late command only',
    'd-i preseed/late_command string poweroff\n',
    2,
    /add the line "d-i .*poweroff/,
  ],
  ['preseed', 'DOS line ends', PRESEED.replace('\n', '\r\n'), 1, /Unix line endings/],
  [
    'autoinstall',
    'no ending',
    'autoinstall:\n  version: 1\n',
    3,
    /add the line " {2}shutdown: poweroff" to autoinstall/,
  ],
  ['autoinstall', 'reboot', 'autoinstall:\n  shutdown: reboot\n', 2, /write " {2}shutdown: poweroff"/],
  ['autoinstall', 'broken YAML', 'autoinstall:\n  a: [\n', 3, /not YAML/],
  [
    'autoyast',
    'no ending',
    PROFILE('<general/>'),
    3,
    /add <mode><halt config:type="boolean">true<\/halt>.*<\/mode> to <general>/,
  ],
  [
    'autoyast',
    'final_reboot',
    PROFILE('<general><mode><final_reboot>true</final_reboot></mode></general>'),
    3,
    /reboots the machine/,
  ],
  ['autoyast', 'broken XML', '<profile><general></profile>', 1, /XML/],
];

describe('an install script that powers the machine off', () => {
  for (const [kind, what, text] of GOOD) {
    it(`is accepted: ${kind} ${what}`, () => assert.deepEqual(checkInstallScript(kind, text).problems, []));
  }
});

describe('an install script that does not power the machine off', () => {
  for (const [kind, what, text, line, message] of BAD) {
    it(`is refused with its place and the line to add: ${kind}, ${what}`, () => {
      const problems = checkInstallScript(kind, text).problems;
      const found = problems.find((problem) => message.test(problem.message));
      assert(found, JSON.stringify(problems));
      assert.equal(found.line, line);
    });
  }
});

describe('an install script', () => {
  it('that is empty is refused', () => {
    for (const text of ['', ' \n', '\uFEFF']) {
      assert.match(checkInstallScript('preseed', text).problems[0]?.message ?? '', /empty.*preseed/);
    }
  });

  it('of another kind is refused, and the message names its kind', () => {
    const scripts: Record<InstallScriptKind, string> = {
      agama: '{ "product": { "id": "Leap_16.0" } }\n',
      auto_inst: "$o = {\n  'lang' => 'en_US',\n};\n",
      installerconfig: 'PARTITIONS=vtbd0\n#!/bin/sh\npoweroff\n',
      autounattend: '<unattend xmlns="urn:schemas-microsoft-com:unattend"/>',
      kickstart: 'lang en_US\npoweroff\n',
      preseed: PRESEED,
      autoinstall: '#cloud-config\nautoinstall:\n  shutdown: poweroff\n',
      autoyast: PROFILE(''),
    };
    for (const [kind, text] of Object.entries(scripts)) {
      assert.equal(detectScriptKind(text), kind);
      const wanted = kind === 'preseed' ? 'kickstart' : 'preseed';
      const [problem, ...others] = checkInstallScript(wanted, text).problems;
      assert.match(
        problem?.message ?? '',
        /this looks like an? .*, but the installer needs a (preseed|kickstart) file/,
      );
      assert.deepEqual(others, []);
    }
  });

  it('is checked in a time that grows linearly with its length', () => {
    const long = (piece: string): string => piece.repeat(Math.floor(1_000_000 / piece.length));
    const scripts: [InstallScriptKind, string][] = [
      ['kickstart', `${long('\n')}x`],
      ['preseed', `${PRESEED.trimEnd()}${long(' ')}x`],
      ['preseed', long('\\\n')],
      ['installerconfig', `export${long('\n')}x`],
      ['auto_inst', `$o = {\n${long('postInstall=>')}`],
      ['auto_inst', `$o = {\n${long('postInstall=>q{')}`],
      ['installerconfig', `A=\n#!/bin/sh\n${long('sh -c "eval <<E\n')}`],
      ['autoinstall', `MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=B\n\n${long('--B\n')}`],
      ['autoyast', `${long('<!-- -->')}<profile/>`],
      ['autounattend', `<unattend><CommandLine>${long('shutdown ')}</CommandLine></unattend>`],
      ['autounattend', `<unattend><CommandLine>${long('sysprep ')}</CommandLine></unattend>`],
    ];
    const began = Date.now();
    for (const [kind, text] of scripts) checkInstallScript(kind, text, { transport: 'medium' });
    // The checks take one or two seconds. If the time grew with the square of the length, they would take minutes.
    assert.ok(Date.now() - began < 30_000);
  });

  it('of Windows must have a shutdown command with its option on the same line', () => {
    const answers = (command: string): string => `<unattend><CommandLine>${command}</CommandLine></unattend>`;
    for (const command of ['shutdown /s /t 0', 'echo shutdown\nshutdown.exe /t 0 -S', 'sysprep /oobe /shutdown'])
      assert.deepEqual(checkInstallScript('autounattend', answers(command)).problems, [], command);
    for (const command of ['shutdown /r', 'shutdown\n/s', 'sysprep\n/shutdown', '/s shutdown'])
      assert.equal(checkInstallScript('autounattend', answers(command)).problems.length, 1, command);
  });

  it('may be as large as Nova accepts in base64, but not larger', () => {
    const fits = PRESEED + '#'.repeat(49_149 - PRESEED.length);
    assert(Buffer.from(fits).toString('base64').length <= 65_535);
    assert(Buffer.from(`${fits}#`).toString('base64').length > 65_535);
    assert.deepEqual(checkInstallScript('preseed', fits).problems, []);
    assert.match(checkInstallScript('preseed', `${fits}#`).problems[0]?.message ?? '', /49150 bytes.*49149/);
  });
});
