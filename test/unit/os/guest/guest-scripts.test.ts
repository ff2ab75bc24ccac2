import assert from 'node:assert/strict';
import { spawnSync, type SpawnSyncReturns } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { FactoryError } from '../../../../src/domain/errors.js';
import { APT_TOOLS as debian } from '../../../../src/os/families/debian/guest.js';
import { DNF as fedora } from '../../../../src/os/families/fedora/guest.js';
import { FAMILIES } from '../../../../src/os/registry.js';
import type { Repository } from '../../../../src/tdl/types.js';

/** The tools of all systems whose guests have a POSIX shell, each once. */
const TOOLS = [...new Set(FAMILIES.flatMap(({ releases }) => releases.map(({ tools }) => tools)))].filter(
  ({ packageManager, shell }) => !['none', 'rpm'].includes(packageManager) && shell !== 'powershell',
);
const LINUX = TOOLS.filter(({ packageManager }) => packageManager !== 'pkg');

const EVIL = `it's "x" $(touch /evil) \`y\` ; & \\ é`;

function repository(of: Partial<Repository> = {}): Repository {
  const plain = { name: 'extra', url: 'https://repo.example.org/a', signed: true, persisted: true, sslverify: true };
  return { ...plain, ...of };
}

describe('every script for a guest', () => {
  for (const profile of TOOLS) {
    const scripts = {
      'adding a repository': profile.addRepository(repository({ name: EVIL, signed: false, sslverify: false })),
      'removing a repository': profile.removeRepository(repository({ name: EVIL })),
      'installing packages': profile.installPackages(['tree', EVIL, '@core']),
      'installing a group': profile.installPackages(['@core']),
      'listing packages': { title: '', script: profile.listPackages },
      'cleaning the guest at the shutdown': { title: '', script: profile.cleanAtShutdown(['/etc/motd']) },
      'listing details of packages': { title: '', script: profile.listPackageDetails },
      'cleaning the guest': profile.cleanGuest(['/etc/motd']),
    };
    for (const [what, { script }] of Object.entries(scripts)) {
      it(`can be read by sh: ${profile.packageManager}, ${what}`, () => {
        const { status, stderr } = spawnSync('sh', ['-n'], { input: script, encoding: 'utf8' });
        assert.equal(status, 0, stderr);
        if (!what.startsWith('listing') && what !== 'cleaning the guest at the shutdown')
          assert(script.startsWith('set -eu\n'));
      });
    }
  }
});

describe('listing the packages of Debian', () => {
  function list(script: string, programs: Record<string, string> = {}): SpawnSyncReturns<string> {
    const functions = Object.entries(programs).map(([name, body]) => `${name}() { ${body}; }\n`);
    return spawnSync('sh', ['-c', `${functions.join('')}${script}`], { encoding: 'utf8' });
  }
  const query = (...lines: string[]): { fake: string } => ({ fake: `printf '%s\\n' ${lines.map((l) => `'${l}'`).join(' ')}` }); // prettier-ignore
  const replace = (script: string): string => script.replace('dpkg-query', 'fake');

  it('prints only what is installed, with the old name where dpkg has no other', () => {
    const lines = ['install ok installed libc6:amd64 libc6', 'deinstall ok config-files a a', 'hold ok installed b'];
    assert.equal(list(replace(debian.listPackages), query(...lines)).stdout, 'libc6:amd64\nb\n');
  });

  it('prints name, version and architecture', () => {
    const lines = ['install ok installed libc6 2.36-9 amd64', 'deinstall ok config-files a 1 all'];
    assert.equal(list(replace(debian.listPackageDetails), query(...lines)).stdout, 'libc6\t2.36-9\tamd64\n');
  });

  it('fails when dpkg fails', () => {
    for (const script of [debian.listPackages, debian.listPackageDetails]) {
      assert.equal(list(replace(script), { fake: 'return 3' }).status, 3);
    }
  });
});

describe('cleaning a guest', () => {
  for (const profile of LINUX) {
    const { script } = profile.cleanGuest(['/etc/motd']);
    it(`keeps the host keys, the login key and the journal: ${profile.packageManager}`, () => {
      assert.doesNotMatch(script, /ssh_host|authorized_keys|\/var\/lib\/imagefactory/);
    });
    it(`removes the machine's identity: ${profile.packageManager}`, () => {
      for (const path of ['/etc/machine-id', '/var/lib/cloud', 'random-seed', '/var/lib/dhcp', '70-persistent-net']) {
        assert(script.includes(path), path);
      }
    });
  }
});

describe('repositories', () => {
  const { script: added } = debian.addRepository(repository({ name: 'my repo' }));

  it('of Debian may be a line for sources.list, or the address of a flat repository', () => {
    const line = (url: string, of: Partial<Repository> = {}): string =>
      /'(deb.*)\n'/.exec(debian.addRepository(repository({ url, ...of })).script)?.[1] ?? '';
    assert.equal(line('deb http://d.example.org sid main'), 'deb http://d.example.org sid main');
    assert.equal(line('http://d.example.org/flat'), 'deb http://d.example.org/flat ./');
    assert.equal(
      line('http://d.example.org/flat', { signed: false }),
      'deb [trusted=yes] http://d.example.org/flat ./',
    );
    assert.equal(
      line('deb [arch=amd64] http://d.example.org sid main', { signed: false }),
      'deb [arch=amd64 trusted=yes] http://d.example.org sid main',
    );
  });

  it('of Debian must have an address', () => {
    assert.throws(
      () => debian.addRepository(repository({ url: 'ppa' })),
      (error) => error instanceof FactoryError && error.type === 'InvalidTemplate' && error.message.includes('"extra"'),
    );
  });

  it('of Debian are each in their own file, with a certificate check unless sslverify is no', () => {
    assert.match(added, /sources\.list\.d\/my_repo\.list/);
    assert.doesNotMatch(added, /Verify-Peer/);
    const { script } = debian.addRepository(repository({ sslverify: false }));
    assert.match(script, /Acquire::https::repo\.example\.org::Verify-Peer "false";/);
  });

  it('are removed with all files that were written for them', () => {
    const written = (text: string): string[] => [...text.matchAll(/>'([^']+)'/g)].map(([, path]) => path ?? '');
    for (const profile of TOOLS) {
      const mine = repository({ sslverify: false, persisted: false });
      if (profile.packageManager === 'urpmi') continue;
      const paths = written(profile.addRepository(mine).script);
      const { script } = profile.removeRepository(mine);
      assert(paths.length > 0);
      for (const path of paths) assert(script.includes(path), path);
    }
  });

  it('of Fedora are files for yum, with skip_if_unavailable because the repository may be gone later', () => {
    const { script } = fedora.addRepository(repository({ signed: false }));
    for (const line of ['[extra]', 'baseurl=https://repo.example.org/a', 'skip_if_unavailable=1', 'gpgcheck=0', 'sslverify=1']) {
      assert(script.includes(`${line}\n`), line);
    }
  }); // prettier-ignore

  it('have no path outside their folder, whatever their name is', () => {
    for (const profile of TOOLS) {
      assert.doesNotMatch(
        profile.removeRepository(repository({ name: '../../etc/passwd' })).script,
        /\.\.\/|etc\/passwd/,
      );
    }
  });
});

describe('installing packages', () => {
  let bin = '';
  beforeEach(() => {
    bin = mkdtempSync(join(tmpdir(), 'guest-tools-'));
    stub('sleep', 'exit 0');
    stub('cloud-init', `echo "cloud-init $*" >>"${bin}/log"`);
  });
  afterEach(() => rmSync(bin, { recursive: true }));

  function stub(name: string, body: string): void {
    writeFileSync(join(bin, name), `#!/bin/sh\n${body}\n`);
    chmodSync(join(bin, name), 0o755);
  }
  function run(script: string): SpawnSyncReturns<string> {
    return spawnSync('sh', ['-s'], {
      input: script,
      encoding: 'utf8',
      env: { PATH: `${bin}:/usr/bin:/bin`, TMPDIR: bin },
      timeout: 20_000,
    });
  }
  const log = (): string => readFileSync(join(bin, 'log'), 'utf8');

  it('waits for cloud-init, updates the package lists, and installs all packages in one call on Debian', () => {
    stub('apt-get', `for word; do printf '<%s>' "$word"; done >>"${bin}/log"; echo "$DEBIAN_FRONTEND" >>"${bin}/log"`);
    assert.equal(run(debian.installPackages(['tree', EVIL]).script).status, 0);
    const [first, update, install, ...rest] = log().trimEnd().split('\n');
    assert.equal(first, 'cloud-init status --wait');
    assert.match(update ?? '', /<-y>.*<DPkg::Lock::Timeout=600>.*<Acquire::Retries=3>.*<update>noninteractive$/);
    assert(install?.endsWith(`<install><--><tree><${EVIL}>noninteractive`), install);
    assert.deepEqual(rest, []);
  });

  it('tries again while another program has the lock, because an old apt does not wait for the lock', () => {
    stub(
      'apt-get',
      `echo call >>"${bin}/log"; [ $(grep -c call "${bin}/log") -gt 3 ] || { echo 'E: Could not get lock /x' >&2; exit 100; }`,
    );
    assert.equal(run(debian.installPackages(['tree']).script).status, 0);
    assert.equal(log().match(/call/g)?.length, 5);
  });

  it('ends with the status and the output of apt when a package does not exist', () => {
    stub('apt-get', `case "$*" in *install*) echo 'E: Unable to locate package nope'; exit 100 ;; esac`);
    const { status, stdout } = run(debian.installPackages(['nope']).script);
    assert.equal(status, 100);
    assert.match(stdout, /Unable to locate package nope/);
  });

  it('fails when yum reports success but has not installed a package', () => {
    stub('yum', 'exit 0');
    stub('rpm', `[ "$*" != '-q -- tree' ] || exit 0; exit 1`);
    assert.equal(run(fedora.installPackages(['tree', '@core']).script).status, 0);
    const { status, stderr } = run(fedora.installPackages(['tree', 'nope', '@core']).script);
    assert.equal(status, 1);
    assert.match(stderr, /not installed.*: nope$/m);
  });

  it('accepts what yum has installed from an address, a file or a group, or with an epoch, version or architecture', () => {
    const names = [
      'https://u:p@h.example/x-1.rpm',
      '/root/x.rpm',
      '@Core Tools',
      'foo*',
      '1:a-2.3',
      'b-1:2.3',
      'c.i686',
    ];
    stub('yum', `for word; do printf '<%s>' "$word"; done >>"${bin}/log"`);
    // rpm before 4.14 finds no package by a name with an epoch.
    stub('rpm', `for name; do :; done; case $name in a-2.3 | b-2.3 | c.i686 | 'perl(A::1:B)') exit 0 ;; esac; exit 1`);
    const { status, stderr } = run(fedora.installPackages([...names, 'perl(A::1:B)']).script);
    assert.equal(status, 0, stderr);
    assert(log().includes(names.map((name) => `<${name}>`).join('')), log());
  });

  it('fails when yum cannot open the address of a package, and installs the others', () => {
    stub('rpm', 'exit 0');
    stub('yum', 'echo "Cannot open: http://h.example/x.rpm. Skipping."');
    assert.equal(run(fedora.installPackages(['http://h.example/x.rpm', 'tree']).script).status, 1);
  });

  it('accepts a package in whose place yum has installed another one', () => {
    stub('rpm', 'exit 1');
    stub('yum', 'echo "Package old is obsoleted by new, trying to install new-1-1.noarch instead"');
    assert.equal(run(fedora.installPackages(['old.x86_64', 'old']).script).status, 0);
    assert.equal(run(fedora.installPackages(['older']).script).status, 1);
  });

  it('believes dnf, which fails when it cannot install a package', () => {
    stub('rpm', 'exit 1');
    stub('dnf', 'exit 0');
    assert.equal(run(fedora.installPackages(['old']).script).status, 0);
    stub('dnf', 'echo "No match for argument: old"');
    assert.equal(run(fedora.installPackages(['old']).script).status, 1);
  });

  it('hands every name on as one word and never as an option', () => {
    const names = ['/root/x.rpm', 'http://h.example/x.rpm?a=1&b=2', 'foo=1.2', 'libc6:i386', 'foo*', EVIL];
    for (const profile of TOOLS) {
      const { script } = profile.installPackages(names);
      for (const name of names) assert(script.includes(` '${name.replaceAll("'", `'\\''`)}'`), name);
      if (!['yum', 'dnf'].includes(profile.packageManager)) assert.match(script, / -- '\/root/);
    }
  });

  it('uses dnf when the guest has it', () => {
    stub('rpm', 'exit 0');
    stub('yum', 'exit 9');
    stub('dnf', `echo "dnf $*" >>"${bin}/log"`);
    assert.equal(run(fedora.installPackages(['tree']).script).status, 0);
    assert.match(log(), /^dnf -y install tree$/m);
  });
});
