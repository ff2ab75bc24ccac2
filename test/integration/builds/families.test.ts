import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { checkGrubPrograms } from '../../../src/media/grub.js';
import { checkIsoPrograms } from '../../../src/media/iso.js';
import { FAMILIES, findProfile } from '../../../src/os/registry.js';
import type { InstallerPlan } from '../../../src/os/installer/types.js';
import type { InstallScriptKind } from '../../../src/os/scripts/kinds/registry.js';
import type { OsFamily, Release } from '../../../src/os/profile/types.js';
import { throwIfInvalid } from '../../../src/tdl/parse.js';
import { BASE_FILES } from '../../fakes/openstack/guests/base-system.js';
import { WINDOWS_USER } from '../../fakes/openstack/guests/powershell.js';
import { createMediumFixture } from '../../fakes/openstack/medium-fixture.js';
import type { FakeImage } from '../../fakes/openstack/state.js';
import { listDiskFiles } from '../../support/machine-traces.js';
import { TestEnv } from '../../support/test-env.js';

const { signal } = new AbortController();
const noMedia = await Promise.all([checkGrubPrograms(['bios'], signal), checkIsoPrograms(signal)]).then(
  () => false,
  (error: Error) => error.message,
);

/** The shortest valid script of each kind. A kind without a script here uses the stock script. */
const SCRIPTS: Partial<Record<InstallScriptKind, string>> = {
  kickstart: 'text\npoweroff\n',
  preseed: 'd-i debian-installer/exit/poweroff boolean true\n',
  autoinstall: '#cloud-config\nautoinstall:\n  version: 1\n  shutdown: poweroff\n',
  autoyast: '<profile><general><mode><halt>true</halt></mode></general></profile>\n',
  agama: '{ "product": { "id": "Leap_16.0" } }\n',
};

/** A release, and one of the ways to install it. */
interface Built {
  family: OsFamily;
  release: Release;
  from: 'url' | 'iso';
}

const RELEASES = FAMILIES.flatMap((family) => family.releases.map((release) => ({ family, release })));

/** For every release, its first way to install it. For the newest release of each family, all ways to install it. */
const BUILT: Built[] = RELEASES.flatMap(({ family, release }) => {
  const ways = release === family.releases.at(-1) ? release.installTypes : release.installTypes.slice(0, 1);
  return ways.map((from) => ({ family, release, from }));
});

/** Number of builds at the same time. It is high, because a build on the fake cloud mostly waits. */
const AT_ONCE = 8;

/** Parameters for the families whose guests have no user with sudo. They name the user as whom the build logs in. */
const OWN_USERS: Record<string, Record<string, unknown>> = {
  windows: { default_user: undefined, command_prefix: undefined },
  freebsd: { default_user: 'root' },
};

/** Files of the template. They stay in the image wherever they are. */
const KEPT = ['/etc/own.conf', '/var/tmp/own/data', '/var/log/own.log'];

/** What a machine writes beside that in a few days of work, and what a lost connection leaves beside a file. */
const WRITTEN_BY_MACHINE = [
  ...['/var/log/journal/0123/system.journal', '/var/log/wtmp', '/var/log/lastlog', '/var/log/messages.1'],
  ...['/tmp/a/socket', '/var/tmp/b', '/root/.bash_history', '/etc/.imagefactory.Ab12Cd'],
];

/** What only Linux writes, or only FreeBSD. */
const WRITTEN_BY_LINUX = [
  ...['/var/lib/systemd/random-seed', '/var/lib/random-seed', '/var/lib/urandom/random-seed'],
  ...['/var/lib/dhclient/dhclient.leases', '/var/lib/NetworkManager/timestamps'],
  ...['/etc/netplan/50-cloud-init.yaml', '/etc/udev/rules.d/70-persistent-net.rules'],
];
const WRITTEN_BY_FREEBSD = ['/entropy', '/var/db/entropy-file', '/var/db/dhclient.leases.vtnet0'];

/** A command of a template that writes all this. */
function writeAll({ family }: OsFamily): string {
  const own = family === 'freebsd' ? WRITTEN_BY_FREEBSD : WRITTEN_BY_LINUX;
  const paths = [...WRITTEN_BY_MACHINE, ...own];
  return `mkdir -p ${paths.map((path) => dirname(path)).join(' ')}\necho old | tee ${paths.join(' ')}`;
}

/** The files of a base system that a finished image may have changed, and those that it may have more. */
const ALLOWED = [
  /^\/(etc\/machine-id|var\/lib\/dpkg\/.*|var\/log\/.*)$/, // emptied; packages
  /^\/etc\/(ld\.so\.cache|login\.defs)$/, // of this machine
  /^\/etc\/(sudoers\.d\/90-cloud-init-users|passwd|group)$/, // the default user
  /^\/(etc\/choco|var\/lib\/(rpm|pkg|urpmi|zypp).*|firstboot|bin|sbin|lib\w*)$/, // packages, first boot, links
];

const isWindows = ({ family }: Built): boolean => family.family === 'windows';

describe('every release that can be built', { skip: noMedia }, () => {
  let env: TestEnv;
  before(async () => {
    env = await TestEnv.start();
  });
  after(() => env.close());

  it(`of Linux and FreeBSD is built on the fake cloud`, async () => {
    assert.deepEqual(await failuresOf(env, BUILT.filter((built) => !isWindows(built))), []); // prettier-ignore
    assert.deepEqual(env.leftovers(), []);
  });

  it('of Windows is built on the fake cloud', async () => {
    env.cloud.behaviours.add({ match: { boots: 'disk' }, guest: { user: WINDOWS_USER, takesHostKey: false } });
    env.media.put('/OpenSSH-Win64.msi', 'an MSI');
    env.media.put('/OpenSSH-Win32.msi', 'an MSI');
    assert.deepEqual(await failuresOf(env, BUILT.filter(isWindows)), []);
    assert.deepEqual(env.leftovers(), []);
  });
});

it('the releases that are built here are those that the documentation lists as tried', () => {
  const said = RELEASES.filter(({ release: { verified: tried } }) => tried !== 'not yet').map(({ release }) => release);
  assert.deepEqual(new Set(BUILT.map(({ release }) => release)), new Set(said));
});

/**
 * Builds all these releases, at most AT_ONCE at the same time.
 *
 * @returns the builds that failed, with the reason
 */
async function failuresOf(env: TestEnv, all: Built[]): Promise<string[]> {
  const left = [...all];
  const failed: string[] = [];
  const work = async (): Promise<void> => {
    for (let next = left.shift(); next !== undefined; next = left.shift()) {
      const { family, release, from } = next;
      await build(env, next).catch((error: unknown) => {
        const { cause } = error as { cause?: Error };
        failed.push(`${family.title} ${release.to} from ${from}: ${(cause ?? (error as Error)).message}`);
      });
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return failed;
}

async function build(env: TestEnv, built: Built): Promise<void> {
  const { family, release } = built;
  const text = templateOf(env, built);
  const template = throwIfInvalid(text, 'test.tdl');
  const { profile } = findProfile(template);
  assert.equal(profile.release, release);
  const plan = profile.planInstaller(template);
  await putMedia(env, plan, addressOf(env, built));
  const own = OWN_USERS[family.family] ?? {};
  const started = await env.build(text, { install_script: SCRIPTS[release.scriptKind], ...own });
  const { glanceId } = await started.result();
  const base = env.cloud.state.images.get(glanceId);
  for (const [name, value] of Object.entries(plan.imageProperties)) assert.equal(base?.properties[name], value, name);
  assert.equal(base?.properties['os_command_line'], undefined);
  if (base?.content.disk !== undefined) assert.deepEqual(await findRemains(base, base.content.disk), []);
  const { icicle } = await started.record();
  if (template.packages.length > 0) assert.match(icicle ?? '', /<package name="tree/);
}

/**
 * Opens the disk of a finished image. Lists what is in it and is neither in a fresh system, nor of the template, nor
 * allowed; and what is missing of the template.
 */
async function findRemains({ name }: FakeImage, disk: string): Promise<string[]> {
  const root = join(disk, 'root');
  const read = (path: string): Promise<string> => readFile(join(root, path), 'utf8').catch(() => '');
  const found: string[] = [];
  const files = await listDiskFiles(root);
  for (const { path, size } of files) {
    const known = BASE_FILES[path.slice(1)]?.text;
    if (path.startsWith('/usr/') || KEPT.includes(path) || (known !== undefined && (await read(path)) === known))
      continue;
    if (ALLOWED.some((pattern) => pattern.test(path)) && !(path.startsWith('/var/log/') && size > 0)) continue;
    found.push(`${name} has ${path}`);
  }
  if (files.some(({ path }) => path === '/etc/own.conf')) {
    for (const path of KEPT) if ((await read(path)).trim() !== 'own') found.push(`${name} has lost ${path}`);
  }
  return found;
}

/**
 * Returns the URL of a release's tree or medium. Each release has its own URL, so that no two releases share a JEOS.
 */
function addressOf(env: TestEnv, { family, release, from }: Built): string {
  const name = `${family.family}/${family.releases.indexOf(release)}`;
  return `${env.media.origin}/${name}/${from === 'url' ? 'netboot' : 'medium.iso'}`;
}

/**
 * Puts the files that boot the installer at the last place where the build looks for them. At all earlier places the
 * server has no such file.
 */
async function putMedia(env: TestEnv, { kernel, ramdisk, medium }: InstallerPlan, address: string): Promise<void> {
  if (medium === undefined) {
    for (const { urls } of [kernel, ramdisk]) env.media.put(new URL(urls.at(-1) ?? '').pathname, urls.join());
    return;
  }
  const { kernels = [], ramdisks = [] } = medium.boots ?? {};
  const paths = [...kernels.slice(-1), ...ramdisks.slice(-1)];
  const files = Object.fromEntries(paths.map((path) => [path, `${address} ${path}`]));
  env.media.put(new URL(address).pathname, await createMediumFixture({ files: { 'README.txt': address, ...files } }));
}

function templateOf(env: TestEnv, built: Built): string {
  const { family, release, from } = built;
  const arch = release.arches[0] ?? 'x86_64';
  const version = release.to === '9999' ? 'any' : release.to;
  const source = from === 'url' ? `<url>${addressOf(env, built)}</url>` : `<iso>${addressOf(env, built)}</iso>`;
  const windows = family.family === 'windows';
  const extras = ['OpenSSH-Win64.msi', 'OpenSSH-Win32.msi'].map((name) => `<file source='${env.media.origin}/${name}' destination='/${name}'/>`); // prettier-ignore
  return `<template><name>${family.family}-${version}</name><os><name>${family.names[0]}</name><version>${version}</version>
    <arch>${arch}</arch><install type='${from}'>${source}${windows ? `<extras>${extras.join('')}</extras>` : ''}</install>
    ${windows ? '<rootpw>Secret-1A</rootpw>' : ''}</os>${packagesFor(release)}
    ${windows ? '' : `<files>${KEPT.map((path) => `<file name='${path}'>own</file>`).join('')}</files>`}
    <commands><command name='c'>${windows ? "Write-Output 'there'" : writeAll(family)}</command></commands></template>`;
}

/**
 * Returns packages and a repository for the template. Returns an empty text for package managers with which this test
 * installs nothing.
 */
function packagesFor({ tools: { packageManager } }: Release): string {
  if (['rpm', 'none', 'choco'].includes(packageManager)) return '';
  const url = packageManager === 'apt' ? 'deb http://deb.example.org/ stable main' : 'http://rpm.example.org/own';
  return `<packages><package name='tree'/></packages>
    <repositories><repository name='own'><url>${url}</url><persisted>no</persisted></repository></repositories>`;
}
