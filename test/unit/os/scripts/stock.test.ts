import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { describe, it } from 'node:test';
import { parse } from 'yaml';
import { FactoryError } from '../../../../src/domain/errors.js';
import { FAMILIES, findProfile } from '../../../../src/os/registry.js';
import { checkInstallScript } from '../../../../src/os/scripts/check-install-script.js';
import { renderScript } from '../../../../src/os/scripts/render-script.js';
import { writeStockScript } from '../../../../src/os/scripts/stock-script.js';
import { INSTALLED, type DiskLayout } from '../../../../src/os/scripts/stock-parts/stock-input.js';
import type { Arch } from '../../../../src/os/common/architectures.js';
import type { Template } from '../../../../src/tdl/types.js';
import { missingProgram } from '../../../support/programs.js';
import { mediumTemplateOf, templateOf } from '../templates.js';

function scriptFor(template: Template, diskLayout: DiskLayout = 'plain', user = 'root'): string {
  return writeStockScript({ template, profile: findProfile(template).profile, diskLayout, user });
}

const BUILT = FAMILIES.flatMap((family) =>
  family.releases
    // windows.test.ts tests the scripts of Windows, because they need a password and OpenSSH.
    .filter(({ installTypes, tools }) => installTypes.length > 0 && tools.shell !== 'powershell')
    .map((release) => ({ family, release })),
);

/** Systems whose installer cannot prepare a disk for UEFI. */
const BEFORE_UEFI = /^(Fedora 8|FedoraCore|RedHatLinux|(RHEL|CentOS|OracleLinux|ScientificLinux) [345])\b/;

/** A root password that a script must quote. */
const ROOT_PASSWORD = `it's "$x\\`;

describe('a stock install script', () => {
  for (const { family, release } of BUILT) {
    const version = release.to === '9999' ? 'any' : release.to;
    it(`powers the machine off and prints the mark of success: ${family.title} ${version}`, () => {
      const byTree = release.installTypes.includes('url');
      for (const layout of ['plain', 'lvm', 'efi'] as const) {
        if (layout === 'lvm' && release.scriptKind === 'installerconfig') continue;
        if (layout === 'efi' && BEFORE_UEFI.test(`${family.names[0]} ${version}`)) continue;
        for (const rootpw of [undefined, 'se<r&t:"1']) {
          const template = (byTree ? templateOf : mediumTemplateOf)(family.names[0] ?? '', version, {
            arch: release.arches[0] ?? 'x86_64',
            ...(byTree ? { install: { type: 'url', url: 'http://m.example.org/tree/a.iso', extras: [] } } : {}),
            ...(rootpw === undefined ? {} : { rootpw }),
          });
          const script = scriptFor(template, layout);
          assert.deepEqual(checkInstallScript(release.scriptKind, script).problems, []);
          assert(script.includes(INSTALLED));
          assert.match(script, /cloud|openstack_key/);
        }
      }
    });
  }

  it('of Mageia and Mandriva is Perl', { skip: missingProgram('perl') }, () => {
    for (const [name, version] of Object.entries({ Mageia: '9', Mandriva: '2008.0' })) {
      const perl = scriptFor(mediumTemplateOf(name, version, { rootpw: ROOT_PASSWORD }));
      // The first line switches Perl to a check without a run, so the test removes this line.
      const printed = (what: string): string =>
        spawnSync('perl', ['-e', `${perl.slice(perl.indexOf('\n'))}; print ${what}`], { encoding: 'utf8' }).stdout;
      assert.equal(printed('$o->{superuser}{password}'), ROOT_PASSWORD);
      const last = printed('$o->{postInstall}').replace(/^sh -c /, 'sh -nc ');
      assert.equal(spawnSync('sh', ['-c', last], { encoding: 'utf8' }).stderr, '');
    }
  });

  it('of FreeBSD is shell', () => {
    const parts = scriptFor(mediumTemplateOf('FreeBSD', '14.1', { rootpw: ROOT_PASSWORD })).split(/^#!.*\n/m);
    const [, shell = ''] = parts;
    assert.equal(parts.length, 2, 'the script has exactly one line #!, because bsdinstall splits the script there');
    assert.equal(spawnSync('sh', ['-n'], { input: shell, encoding: 'utf8' }).stderr, '');
    const set = /^(printf .*) \| pw usermod root -h 0 /m.exec(shell)?.[1] ?? '';
    assert.equal(spawnSync('sh', ['-c', set], { encoding: 'utf8' }).stdout, `${ROOT_PASSWORD}\n`);
    assert.throws(() => scriptFor(mediumTemplateOf('FreeBSD', '14.1'), 'lvm'), /no LVM/);
  });

  it('of Debian installs packages from the archive that contains the install tree', () => {
    const url = 'https://deb.example.org:8443/debian/dists/bookworm/main/installer-amd64/current/images/netboot/';
    const script = scriptFor(templateOf('Debian', '12', { install: { type: 'url', url, extras: [] } }));
    for (const line of [
      'd-i mirror/protocol string https',
      'd-i mirror/https/hostname string deb.example.org:8443',
      'd-i mirror/https/directory string /debian',
      'd-i mirror/suite string bookworm',
      'd-i passwd/root-password-crypted password *',
    ]) {
      assert(script.split('\n').includes(line), line);
    }
  });

  it('sets root’s password exactly as in the template', () => {
    const rootpw = `it's "$x`;
    assert.match(scriptFor(templateOf('Debian', '12', { rootpw })), /^d-i passwd\/root-password password it's "\$x$/m);
    assert.match(scriptFor(templateOf('Fedora', '40', { rootpw })), /^rootpw --plaintext "it's \\"\$x"$/m);
    assert.match(scriptFor(templateOf('Fedora', '40')), /^rootpw --lock$/m);
    const late = parse(
      scriptFor(
        templateOf('Ubuntu', '24.04', {
          rootpw,
          install: { type: 'url', url: 'http://x.example.org/a.iso', extras: [] },
        }),
      ),
    ) as { autoinstall: { 'late-commands': string[] } };
    const [command = ''] = late.autoinstall['late-commands'];
    const shell = command.replace('curtin in-target --target=/target -- ', '').replace('| chpasswd', '| cat');
    assert.equal(shell.startsWith('sh -c '), true);
    assert.equal(spawnSync('sh', ['-c', shell], { encoding: 'utf8' }).stdout, `root:${rootpw}\n`);
  });

  describe('of a system that has no cloud-init', () => {
    const scripts: [string, string][] = [
      ['CentOS 6', scriptFor(templateOf('CentOS', '6'), 'plain', 'builder')],
      ['Fedora 12', scriptFor(templateOf('Fedora', '12'), 'plain', 'builder')],
      ['Debian 6', scriptFor(templateOf('Debian', '6'), 'plain', 'builder')],
      ['Ubuntu 9.04', scriptFor(templateOf('Ubuntu', '9.04'), 'plain', 'builder')],
      ['openSUSE 11.4', scriptFor(templateOf('openSUSE', '11.4'), 'plain', 'builder')],
      ['SLES 12', scriptFor(templateOf('SLES', '12.5'), 'plain', 'builder')],
      ['Mandriva 2008.0', scriptFor(mediumTemplateOf('Mandriva', '2008.0'), 'plain', 'builder')],
    ];
    for (const [name, script] of scripts) {
      it(`installs the public key of the instance, and prints the host keys on the console: ${name}`, () => {
        assert.match(script, /latest\/meta-data\/public-keys\/0\/openssh-key/);
        assert.match(script, /-----BEGIN SSH HOST KEY KEYS-----/);
        assert.match(script, /useradd -m -s \/bin\/bash builder/);
        assert.match(script, /\/etc\/rc.d\/rc.local|\/etc\/init.d\/(openstack-key|after.local)/);
      });
    }

    it('installs no package that the release does not have', () => {
      const included = (version: string): string =>
        /^d-i pkgsel\/include string (.*)$/m.exec(scriptFor(templateOf('Ubuntu', version)))?.[1] ?? '';
      assert.equal(included('9.04'), 'openssh-server sudo');
      assert.equal(included('12.04'), 'openssh-server sudo cloud-init');
      assert.equal(included('14.04'), 'openssh-server sudo cloud-init cloud-guest-utils');
      assert.doesNotMatch(scriptFor(templateOf('openSUSE', '11.4')), /<package>cloud-init|services-manager/);
      assert.doesNotMatch(scriptFor(templateOf('openSUSE', '13.2')), /<package>cloud-init/);
      assert.match(scriptFor(templateOf('Leap', '42.1', { arch: 'x86_64' })), /<package>cloud-init/);
      assert.match(scriptFor(templateOf('Tumbleweed', '20260101')), /<package>cloud-init/);
    });

    it('is refused for FreeBSD with a user other than root, because FreeBSD has no sudo', () => {
      assert.throws(() => scriptFor(mediumTemplateOf('FreeBSD', '14.1'), 'plain', 'builder'), /default_user/);
    });

    it('is one line in a preseed that is valid shell', () => {
      const late = /^d-i preseed\/late_command string in-target (.*) && echo/m.exec(scripts[2]?.[1] ?? '')?.[1] ?? '';
      const shown = spawnSync('sh', ['-c', late.replace(/\| sh'$/, "| cat'")], { encoding: 'utf8' }).stdout;
      assert.match(shown, /^printf '%s\\n' 'builder ALL=\(ALL\) NOPASSWD: ALL'/m);
      assert.equal(spawnSync('sh', ['-n'], { input: shown, encoding: 'utf8' }).stderr, '');
    });
  });

  it('of kickstart has only commands and options of its release, as in pykickstart', () => {
    const kickstart = (name: string, version: string): string => scriptFor(templateOf(name, version));
    const activates = / --activate$/m;
    assert.doesNotMatch(kickstart('Fedora', '15'), activates);
    assert.match(kickstart('Fedora', '16'), activates);
    assert.match(kickstart('RHEL', '6'), activates);
    assert.match(kickstart('RHEL', '5'), /^zerombr yes$/m);
    assert.match(kickstart('Fedora', '9'), /^zerombr$/m);
    assert.match(kickstart('Fedora', '17'), /^rootpw --iscrypted !!$/m);
    assert.match(kickstart('Fedora', '18'), /^rootpw --lock$/m);
    assert.doesNotMatch(kickstart('RHEL', '3'), /selinux/);
    assert.match(kickstart('Fedora', '28'), /^install$/m);
    assert.doesNotMatch(kickstart('Fedora', '29'), /^install$/m);
  });

  it('of kickstart answers the questions of an old anaconda', () => {
    const lines = (name: string, version: string): string[] => scriptFor(templateOf(name, version)).split('\n');
    for (const [name, version, asked] of [
      ['RHEL', '3', ['langsupport --default=en_US.UTF-8 en_US.UTF-8', 'skipx', 'mouse generic3ps/2 --device psaux']],
      ['RHEL', '4', ['langsupport --default=en_US.UTF-8 en_US.UTF-8', 'skipx']],
      ['RHEL-5', '11', ['key --skip']],
      ['RHEL', '6', []],
    ] as const) {
      const said = lines(name, version).filter((line) => /^(langsupport|skipx|mouse|key)\b/.test(line));
      assert.deepEqual(said, asked, `${name} ${version}`);
    }
  });

  it('of kickstart removes the MAC address of the installer’s machine (HWADDR) from the image', () => {
    for (const [name, version] of [['RHEL', '6'] as const, ['Fedora', '20'] as const])
      assert.match(scriptFor(templateOf(name, version)).split('%post')[1] ?? '', /HWADDR/);
    assert.doesNotMatch(scriptFor(templateOf('Fedora', '40')), /HWADDR/);
  });

  it('writes to the console of its architecture’s machines', () => {
    assert.match(scriptFor(templateOf('Rocky', '9', { arch: 'ppc64le' })), /console=hvc0"/);
    assert.match(scriptFor(templateOf('Rocky', '9', { arch: 's390x' })), /console=ttysclp0"/);
    assert.match(scriptFor(templateOf('Leap', '15.6', { arch: 'aarch64' })), /console=ttyAMA0</);
    assert.match(scriptFor(templateOf('Debian', '12', { arch: 'ppc64le' })), /add-kernel-opts string console=hvc0$/m);
  });

  it('of SLES 15 installs modules from the medium', () => {
    const script = scriptFor(templateOf('SLES', '15.6'));
    for (const name of ['Basesystem', 'Public-Cloud'])
      assert.ok(script.includes(`<product_dir>/Module-${name}<`), name);
  });

  it('of Agama always sets a password for root, because Agama needs a login: an invalid hash if the template has none', () => {
    const root = (template: Template): unknown => (JSON.parse(scriptFor(template)) as { root: unknown }).root;
    assert.deepEqual(root(templateOf('Leap', '16.0')), { password: '*', hashedPassword: true });
    assert.deepEqual(root(templateOf('Leap', '16.0', { rootpw: 'x' })), { password: 'x', hashedPassword: false });
  });

  it('creates the user that the build logs in as', () => {
    assert.match(scriptFor(templateOf('Rocky', '9'), 'plain', 'ec2-user'), /name: ec2-user/);
    assert.match(scriptFor(templateOf('Rocky', '9')), /disable_root: false/);
    assert.throws(() => scriptFor(templateOf('Rocky', '9'), 'plain', "a'; rm"), /default_user/);
  });

  it('keeps the line breaks in cloud-init’s configuration', () => {
    const command = /in-target sh -c '(.*)' && echo/.exec(
      scriptFor(templateOf('Debian', '12'), 'plain', 'debian'),
    )?.[1];
    const printed = command
      ?.replaceAll("'\\''", "'")
      .replace(/.*&& printf/, 'printf')
      .replace(/ >\/etc.*$/, '');
    const { stdout } = spawnSync('sh', ['-c', printed ?? ''], { encoding: 'utf8' });
    assert.equal(
      (parse(stdout) as { system_info: { default_user: { name: string } } }).system_info.default_user.name,
      'debian',
    );
  });

  it('partitions the disk as the disk layout requires', () => {
    assert.match(scriptFor(templateOf('Rocky', '9'), 'lvm'), /^autopart$/m);
    assert.match(scriptFor(templateOf('Rocky', '9')), /^autopart --type=plain --nohome$/m);
    assert.match(scriptFor(templateOf('Debian', '12'), 'lvm'), /partman-auto\/method string lvm/);
    assert.match(scriptFor(templateOf('Debian', '12'), 'efi'), /default_label string gpt/);
  });

  it('gives an old anaconda the boot partition that the machine’s firmware needs', () => {
    const partitions = (name: string, version: string, arch: Arch, layout?: DiskLayout): string[] =>
      [...scriptFor(templateOf(name, version, { arch }), layout).matchAll(/^part (.*)$/gm)].map(
        ([, text = '']) => text,
      );
    const efi = '/boot/efi --fstype=efi --size=200';
    const prep = 'prepboot --fstype="PPC PReP Boot" --size=8';
    const biosboot = 'biosboot --fstype=biosboot --size=1';
    const boot = '/boot --fstype=ext4 --size=300';
    assert.equal(partitions('RHEL', '6', 'x86_64')[0], boot);
    assert.equal(partitions('RHEL', '6', 'x86_64', 'efi')[0], efi);
    assert.equal(partitions('RHEL', '6', 'ppc64')[0], prep);
    assert.equal(partitions('Fedora', '17', 'x86_64')[0], biosboot);
    assert.equal(partitions('Fedora', '17', 'x86_64', 'efi')[0], efi);
    assert.equal(partitions('Fedora', '17', 'ppc64')[0], prep);
    assert.equal(partitions('Fedora', '16', 's390x')[0], boot);
    assert.throws(() => partitions('RHEL', '5', 'x86_64', 'efi'), /cannot boot with UEFI/);
  });

  it('is refused for a password that the script’s language cannot express', () => {
    for (const rootpw of ['a\nb', ' a', 'a '])
      assert.throws(() => scriptFor(templateOf('Debian', '12', { rootpw })), /rootpw/);
  });
});

describe('filling in the names of a script', () => {
  const template = templateOf('Debian', '12', { rootpw: 'a$&b' });

  it('replaces names with values of the template, and keeps escaped text', () => {
    assert.equal(renderScript('x ${rootpw} ${os_version} $${HOME} $1', template), 'x a$&b 12 ${HOME} $1');
  });

  it('refuses an unknown name, and the error has the place of the name', () => {
    const message = (script: string, of = template): string => {
      try {
        return renderScript(script, of);
      } catch (error) {
        assert(error instanceof FactoryError && error.type === 'InvalidInstallScript');
        return `${error.message}; ${error.hint}`;
      }
    };
    assert.match(message('a\nb ${rootpwd}\n'), /^install_script:2:3: .*did you mean \$\{rootpw\}\?/);
    assert.match(message('${rootpw}', templateOf('Debian', '12')), /no <rootpw>/);
  });
});
