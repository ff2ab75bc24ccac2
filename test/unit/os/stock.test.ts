import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { describe, it } from 'node:test';
import { parse } from 'yaml';
import { FactoryError } from '../../../src/build/errors.js';
import { FAMILIES, profileFor } from '../../../src/os/index.js';
import { checkInstallScript } from '../../../src/os/install-script.js';
import { renderScript } from '../../../src/os/render-script.js';
import { stockScript } from '../../../src/os/stock/index.js';
import { INSTALLED, type DiskLayout } from '../../../src/os/stock/types.js';
import type { Template } from '../../../src/tdl/types.js';
import { mediumTemplateOf, templateOf } from './templates.js';

function scriptFor(template: Template, diskLayout: DiskLayout = 'plain', user = 'root'): string {
  return stockScript({ template, profile: profileFor(template).profile, diskLayout, user });
}

const BUILT = FAMILIES.flatMap((family) =>
  family.releases
    // windows.test.ts has those of Windows, which are not made without a password and OpenSSH.
    .filter(({ installTypes, tools }) => installTypes.length > 0 && tools.shell !== 'powershell')
    .map((release) => ({ family, release })),
);

describe('a stock install script', () => {
  for (const { family, release } of BUILT) {
    const version = release.to === '9999' ? 'any' : release.to;
    it(`powers the machine off and says that it has ended well: ${family.title} ${version}`, () => {
      const byTree = release.installTypes.includes('url');
      for (const layout of ['plain', 'lvm', 'efi'] as const) {
        if (layout === 'lvm' && release.scriptKind === 'installerconfig') continue;
        for (const rootpw of [undefined, 'se<r&t:"1']) {
          const template = (byTree ? templateOf : mediumTemplateOf)(family.names[0] ?? '', version, {
            arch: release.arches[0] ?? 'x86_64',
            ...(byTree ? { install: { type: 'url', url: 'http://m.example.org/tree/a.iso', extras: [] } } : {}),
            ...(rootpw === undefined ? {} : { rootpw }),
          });
          const script = scriptFor(template, layout);
          assert.deepEqual(checkInstallScript(release.scriptKind, script), []);
          assert(script.includes(INSTALLED));
          assert.match(script, /cloud|openstack_key/);
        }
      }
    });
  }

  it('of Mageia and Mandriva is Perl, and of FreeBSD shell', () => {
    const rootpw = `it's "$x\\`;
    for (const [name, version] of Object.entries({ Mageia: '9', Mandriva: '2008.0' })) {
      const perl = scriptFor(mediumTemplateOf(name, version, { rootpw }));
      // Its first line says that it is to be checked only.
      const printed = (what: string): string =>
        spawnSync('perl', ['-e', `${perl.slice(perl.indexOf('\n'))}; print ${what}`], { encoding: 'utf8' }).stdout;
      assert.equal(printed('$o->{superuser}{password}'), rootpw);
      const last = printed('$o->{postInstall}').replace(/^sh -c /, 'sh -nc ');
      assert.equal(spawnSync('sh', ['-c', last], { encoding: 'utf8' }).stderr, '');
    }
    const parts = scriptFor(mediumTemplateOf('FreeBSD', '14.1', { rootpw })).split(/^#!.*\n/m);
    const [, shell = ''] = parts;
    assert.equal(parts.length, 2, 'bsdinstall divides a script at each such line');
    assert.equal(spawnSync('sh', ['-n'], { input: shell, encoding: 'utf8' }).stderr, '');
    const set = /^(printf .*) \| pw usermod root -h 0 /m.exec(shell)?.[1] ?? '';
    assert.equal(spawnSync('sh', ['-c', set], { encoding: 'utf8' }).stdout, `${rootpw}\n`);
    assert.throws(() => scriptFor(mediumTemplateOf('FreeBSD', '14.1'), 'lvm'), /no LVM/);
  });

  it('of Debian takes packages from the archive that the install tree lies in', () => {
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

  it('sets root’s password as it stands in the template', () => {
    const rootpw = `it's "$x`;
    assert.match(scriptFor(templateOf('Debian', '12', { rootpw })), /^d-i passwd\/root-password password it's "\$x$/m);
    assert.match(scriptFor(templateOf('Fedora', '40', { rootpw })), /^rootpw --plaintext "it's \\"\\\$x"$/m);
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
    const shell = command.replace('curtin in-target -- ', '').replace('| chpasswd', '| cat');
    assert.equal(shell.startsWith('sh -c '), true);
    assert.equal(spawnSync('sh', ['-c', shell], { encoding: 'utf8' }).stdout, `root:${rootpw}\n`);
  });

  it('lets in the user that the build logs in as', () => {
    assert.match(scriptFor(templateOf('Rocky', '9'), 'plain', 'ec2-user'), /name: ec2-user/);
    assert.match(scriptFor(templateOf('Rocky', '9')), /disable_root: false/);
    assert.throws(() => scriptFor(templateOf('Rocky', '9'), 'plain', "a'; rm"), /default_user/);
  });

  it('writes cloud-init’s configuration with its line breaks', () => {
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

  it('divides the disk as it is told', () => {
    assert.match(scriptFor(templateOf('Rocky', '9'), 'lvm'), /^autopart$/m);
    assert.match(scriptFor(templateOf('Rocky', '9')), /^autopart --type=plain --nohome$/m);
    assert.match(scriptFor(templateOf('Debian', '12'), 'lvm'), /partman-auto\/method string lvm/);
    assert.match(scriptFor(templateOf('Debian', '12'), 'efi'), /default_label string gpt/);
  });

  it('takes no password that its language could not hold', () => {
    for (const rootpw of ['a\nb', ' a', 'a '])
      assert.throws(() => scriptFor(templateOf('Debian', '12', { rootpw })), /rootpw/);
  });
});

describe('filling in the names of a script', () => {
  const template = templateOf('Debian', '12', { rootpw: 'a$&b' });

  it('takes them from the template, and leaves what is escaped', () => {
    assert.equal(renderScript('x ${rootpw} ${os_version} $${HOME} $1', template), 'x a$&b 12 ${HOME} $1');
  });

  it('refuses a name that it does not know, with its place', () => {
    const message = (script: string, of = template): string => {
      try {
        return renderScript(script, of);
      } catch (error) {
        assert(error instanceof FactoryError && error.type === 'InvalidInstallScript');
        return `${error.message}; ${error.hint}`;
      }
    };
    assert.match(message('a\nb ${rootpwd}\n'), /^install_script:2:3: .*is \$\{rootpw\} meant\?/);
    assert.match(message('${rootpw}', templateOf('Debian', '12')), /no <rootpw>/);
  });
});
