import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { parse } from 'yaml';
import { parseParameters } from '../../../src/domain/parameters.js';
import { canonicalJson, computeJeosDigest, planBuild, planGuestSteps } from '../../../src/planning/plan.js';
import { throwIfInvalid } from '../../../src/tdl/parse.js';
import type { Template } from '../../../src/tdl/types.js';
import { parsedTemplate, templateOf } from '../os/templates.js';
import { catchFactoryError } from '../../support/factory-errors.js';

const PRESEED = 'd-i debian-installer/exit/poweroff boolean true\n';
const PARAMETERS = parseParameters({});

function article(file: string): string {
  return readFileSync(new URL(`../../fixtures/article/${file}`, import.meta.url), 'utf8');
}

describe('the article’s build', () => {
  const template = throwIfInvalid(article('f19.tdl'), 'f19.tdl');
  const plan = planBuild({ template, installScript: article('f19.ks'), parameters: PARAMETERS });
  const tree = 'http://download.fedoraproject.org/pub/fedora/linux/releases/19/Fedora/x86_64/os';

  it('boots the installer of Fedora 19 with the kickstart of its user data', () => {
    assert.equal(plan.osLabel, 'Fedora 19 x86_64');
    assert.deepEqual(plan.warnings, []);
    assert.deepEqual(plan.steps, []);
    assert.equal(plan.script, article('f19.ks'));
    const { failurePatterns, ...installer } = plan.installer;
    assert(failurePatterns.length > 0);
    assert.deepEqual(installer, {
      kernel: { role: 'kernel', urls: [`${tree}/images/pxeboot/vmlinuz`] },
      ramdisk: { role: 'ramdisk', urls: [`${tree}/images/pxeboot/initrd.img`] },
      indexes: [{ format: 'treeinfo', url: `${tree}/.treeinfo`, section: 'images-x86_64' }],
      commandLine: `inst.ks=http://169.254.169.254/latest/user-data inst.repo=${tree} inst.text console=tty0 console=ttyS0,115200n8`,
      scriptKind: 'kickstart',
      scriptTransport: 'user_data',
      bootImageProperties: {},
      imageProperties: { os_type: 'linux', os_distro: 'fedora', os_version: '19', architecture: 'x86_64' },
      strippedProperties: ['kernel_id', 'ramdisk_id', 'os_command_line'],
    });
  });
});

describe('planning a build', () => {
  it('removes the byte order mark of the install script', () => {
    const template = throwIfInvalid(article('f19.tdl'), 'f19.tdl');
    const plan = planBuild({ template, installScript: `\ufeff${article('f19.ks')}`, parameters: PARAMETERS });
    assert.equal(plan.script, article('f19.ks'));
  });

  it('refuses more or longer passwords than can be masked', () => {
    const script = `${Array.from({ length: 501 }, (_none, index) => `rootpw pass-${index}`).join('\n')}\n`;
    assertRefused(
      `${PRESEED}${script}`,
      /^InvalidInstallScript the install script has more than 500 different passwords/,
    );
    assertRefused(`${PRESEED}rootpw ${'y'.repeat(4097)}\n`, /has a password of more than 4096 characters/);
    const repositories = Array.from({ length: 501 }, (_none, index) => ({
      name: `r${index}`,
      url: `http://u:pass-${index}@h/`,
      signed: false,
      sslverify: true,
      persisted: true,
      clean: false,
    }));
    const template = { ...templateOf('Debian', '12'), repositories };
    assertRefused(PRESEED, /^InvalidTemplate the template has more than 500 different passwords/, template);
  });

  function assertRefused(
    installScript: string | undefined,
    message: RegExp,
    template = templateOf('Debian', '12'),
  ): void {
    const error = catchFactoryError(() => planBuild({ template, installScript, parameters: PARAMETERS }));
    assert.match(`${error.type} ${error.message}`, message);
  }

  it('needs an install script of the right kind that powers the machine off', () => {
    assertRefused('', /^InvalidInstallScript install_script:1:1: .*empty/);
    assertRefused(
      'd-i a/b string c\n',
      /^InvalidInstallScript install_script:2:1: .*"d-i .*exit\/poweroff boolean true"/,
    );
    assertRefused('lang en_US\npoweroff\n', /^InvalidInstallScript install_script:1:1: .*kickstart.*preseed/);
  });

  it('needs a system that can be built', () => {
    assertRefused(PRESEED, /^UnsupportedOs .*"seven"/, templateOf('Debian', 'seven'));
    assertRefused(PRESEED, /^UnsupportedOs .*medium only/, templateOf('Mageia', '9'));
  });

  it('refuses an invalid address of a repository', () => {
    const template = parsedTemplate("<repositories><repository name='r'><url>ppa</url></repository></repositories>");
    assertRefused(PRESEED, /^InvalidTemplate .*"r"/, template);
  });

  describe('for a firmware', () => {
    const UEFI = { hw_firmware_type: 'uefi', hw_machine_type: 'q35' };
    const properties = (
      parameters: Record<string, string>,
      installScript?: string,
      os = {},
    ): Record<string, string> => {
      const template = templateOf('Debian', '12', os);
      const { installer } = planBuild({ template, installScript, parameters: parseParameters(parameters) });
      const { os_type, os_distro, os_version, architecture, ...others } = installer.imageProperties;
      assert(os_type && os_distro && os_version && architecture);
      assert.deepEqual(installer.bootImageProperties, others, 'the installer’s machine has the same properties');
      return others;
    };

    it('sets no properties by default, so that the cloud chooses', () => assert.deepEqual(properties({}, PRESEED), {}));

    it('sets the properties of the firmware in the parameter firmware', () => {
      assert.deepEqual(properties({ firmware: 'bios' }, PRESEED), { hw_firmware_type: 'bios' });
      assert.deepEqual(properties({ firmware: 'uefi' }, PRESEED), UEFI);
      assert.deepEqual(properties({ firmware: 'secure_boot' }, PRESEED), { ...UEFI, os_secure_boot: 'required' });
      assert.deepEqual(properties({ firmware: 'uefi' }, PRESEED, { arch: 'aarch64' }), { hw_firmware_type: 'uefi' });
    });

    it('sets UEFI when the stock script partitions the disk for UEFI, but not for a given script', () => {
      assert.deepEqual(properties({ disk_layout: 'efi' }), UEFI);
      assert.deepEqual(properties({ disk_layout: 'efi' }, PRESEED), {});
    });

    it('refuses a firmware that does not match the disk layout or the architecture', () => {
      assert.throws(() => properties({ disk_layout: 'efi', firmware: 'bios' }), /firmware bios cannot boot/);
      assert.throws(() => properties({ firmware: 'bios' }, PRESEED, { arch: 'aarch64' }), /aarch64.*bios/);
    });
  });

  it('refuses a tree that no installer can fetch from', () => {
    const install = { type: 'url', url: 'file://example.org', extras: [] } satisfies Template['os']['install'];
    assertRefused(
      'text\npoweroff\n',
      /^InvalidTemplate <url> is not an address/,
      templateOf('Fedora', '40', { install }),
    );
  });

  it('turns an autoinstall file into the cloud-config that cloud-init needs', () => {
    const scriptOf = (installScript: string): string =>
      planBuild({
        template: templateOf('Ubuntu', '22.04', {
          install: { type: 'url', url: 'http://example.org/ubuntu/casper', extras: [] },
          kernelparam: 'url=http://example.org/live.iso',
        }),
        installScript,
        parameters: PARAMETERS,
      }).script;
    const whole = '#cloud-config\nautoinstall:\n  version: 1\n  shutdown: poweroff\n';
    assert.equal(scriptOf(whole), whole);
    assert.equal(scriptOf(whole.replace('#cloud-config\n', '')), whole);
    assert.equal(scriptOf('version: 1\nshutdown: poweroff\n'), whole);
    const template = `## template: jinja\n${whole}`;
    assert.equal(scriptOf(template), template);
    const commands =
      'version: 1\nlate-commands:\n  - |\n    echo one\n    echo two: "{{x}}"\nshutdown: poweroff # off\n';
    assert.deepEqual((parse(scriptOf(commands)) as { autoinstall: unknown }).autoinstall, parse(commands));
  });

  it('warns of an extra_command that does not ask the package manager, when the build lists the packages', () => {
    const warningsOf = (icicleExtraCommand: string, parameters = PARAMETERS): string[] => {
      const template = templateOf('Debian', '12', { icicleExtraCommand });
      return planBuild({ template, installScript: PRESEED, parameters }).warnings;
    };
    assert.match(warningsOf('cat /etc/os-release').join(), /^<extra_command> does not ask the package manager/);
    assert.deepEqual(warningsOf('cat /etc/os-release', parseParameters({ generate_icicle: 'False' })), []);
    for (const command of ["rpm -qa --qf '%{NAME}'", 'dpkg-query -W', '/usr/sbin/pkg info']) {
      assert.deepEqual(warningsOf(command), []);
    }
  });

  it('speaks of the power-off only where the script lacks it', () => {
    const template = templateOf('Fedora', '40');
    const hintOf = (installScript: string): string | undefined =>
      catchFactoryError(() => planBuild({ template, installScript, parameters: PARAMETERS })).hint;
    assert.match(hintOf('text\nreboot\n') ?? '', /must power itself off/);
    for (const script of ['', PRESEED, 'text\nshutdown -h now\n', `poweroff\n#${'x'.repeat(70_000)}`]) {
      assert.match(hintOf(script) ?? '', /^correct the script; imagefactory validate/, script.slice(0, 40));
    }
  });

  it('returns the warnings of the profile', () => {
    const template = templateOf('Debian', '20');
    assert.equal(planBuild({ template, installScript: PRESEED, parameters: PARAMETERS }).warnings.length, 1);
  });
});

describe('the steps in the guest', () => {
  const template = parsedTemplate(`
    <commands><command name='last' position='2'>b</command><command name='tidy' position='1'>a</command></commands>
    <files><file name='/etc/motd'>m</file><file name='notes'>n</file></files>
    <packages><package name='tree'/><package name='hello'/></packages>
    <precommands><command name='before'>p</command></precommands>
    <repositories>
      <repository name='kept'><url>http://r.example.org/k</url></repository>
      <repository name='passing'><url>http://r.example.org/p</url><persisted>no</persisted></repository>
    </repositories>`);

  it('are in Oz’s order, with unique names', () => {
    assert.deepEqual(
      planGuestSteps(template, {}).map(({ name }) => name),
      [
        'repository:1 kept',
        'repository:2 passing',
        'precommand:1 before',
        'packages',
        'file:1 /etc/motd',
        'file:2 notes',
        'command:1 tidy',
        'command:2 last',
        'remove-repository:1 passing',
      ],
    );
  });

  it('install all packages at once', () => {
    const step = planGuestSteps(template, {}).find(({ kind }) => kind === 'packages');
    assert(step?.kind === 'packages');
    assert.deepEqual(step.packages, ['tree', 'hello']);
  });

  it('write a file with a relative name into root’s home', () => {
    const step = planGuestSteps(template, {}).find(({ name }) => name === 'file:2 notes');
    assert(step?.kind === 'file');
    assert.equal(step.file.name, '/root/notes');
  });

  it('have different names when commands have equal names', () => {
    const same = parsedTemplate(`<commands><command name='a'>1</command><command name='a'>2</command></commands>`);
    assert.deepEqual(
      planGuestSteps(same, {}).map(({ name }) => name),
      ['command:1 a', 'command:2 a'],
    );
  });

  it('have short names on one line', () => {
    const long = parsedTemplate(`<commands><command name='a  ${'b'.repeat(200)}'>1</command></commands>`);
    assert.equal(planGuestSteps(long, {})[0]?.name, `command:1 a ${'b'.repeat(58)}`);
  });
});

describe('the digest of a JEOS', () => {
  const digest = (template: Template, script = PRESEED, parameters = {}, flavor = 'm1.small'): string => {
    const all = parseParameters(parameters);
    return computeJeosDigest({
      plan: planBuild({ template, installScript: script, parameters: all }),
      parameters: all,
      flavor,
    });
  };
  const own = digest(parsedTemplate(''));

  it('is a SHA-256', () => assert.match(own, /^[0-9a-f]{64}$/));

  for (const [what, other] of [
    ['the template’s name', () => digest(parsedTemplate('', 'another'))],
    ['packages', () => digest(parsedTemplate("<packages><package name='tree'/></packages>"))],
    ['files', () => digest(parsedTemplate("<files><file name='/a'>b</file></files>"))],
    ['commands', () => digest(parsedTemplate("<commands><command name='a'>b</command></commands>"))],
    ['the description', () => digest(parsedTemplate('<description>d</description>'))],
    ['deadlines', () => digest(parsedTemplate(''), PRESEED, { install_timeout: 5 })],
    ['the user that logs in', () => digest(parsedTemplate(''), PRESEED, { default_user: 'debian' })],
  ] as const) {
    it(`does not change with ${what}`, () => assert.equal(other(), own));
  }

  const withOs = (os: Partial<Template['os']>): Template => {
    const template = parsedTemplate('');
    return { ...template, os: { ...template.os, ...os } };
  };
  const install = { type: 'url' as const, url: 'http://other.example.org/images/netboot', extras: [] };
  for (const [what, other] of [
    ['the version', () => digest(withOs({ version: '11' }))],
    ['the architecture', () => digest(withOs({ arch: 'aarch64' }))],
    ['the install tree', () => digest(withOs({ install }))],
    ['the kernel parameters', () => digest(withOs({ kernelparam: 'quiet' }))],
    ['the disk’s size', () => digest(parsedTemplate('<disk><size>9</size></disk>'))],
    ['the install script', () => digest(parsedTemplate(''), `${PRESEED}\n`)],
    ['the flavor', () => digest(parsedTemplate(''), PRESEED, {}, 'm1.large')],
    ['the kernel’s checksum', () => digest(parsedTemplate(''), PRESEED, { kernel_checksum: 'sha256:00' })],
    ['the ramdisk’s checksum', () => digest(parsedTemplate(''), PRESEED, { ramdisk_checksum: 'sha256:00' })],
  ] as const) {
    it(`changes with ${what}`, () => assert.notEqual(other(), own));
  }
});

it('canonical JSON does not depend on the order of keys, and keeps the order of lists', () => {
  assert.equal(canonicalJson({ b: [2, 1], a: { d: 1, c: undefined } }), '{"a":{"d":1},"b":[2,1]}');
});
