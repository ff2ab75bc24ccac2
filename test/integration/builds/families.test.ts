import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { checkGrubPrograms } from '../../../src/media/grub.js';
import { checkIsoPrograms } from '../../../src/media/iso.js';
import { FAMILIES, findProfile } from '../../../src/os/registry.js';
import type { InstallerPlan } from '../../../src/os/installer/types.js';
import type { InstallScriptKind } from '../../../src/os/scripts/kinds/registry.js';
import type { OsFamily, Release } from '../../../src/os/profile/types.js';
import { throwIfInvalid } from '../../../src/tdl/parse.js';
import { WINDOWS_USER } from '../../fakes/openstack/guests/powershell.js';
import { createMediumFixture } from '../../fakes/openstack/medium-fixture.js';
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
  const { icicle } = await started.record();
  if (template.packages.length > 0) assert.match(icicle ?? '', /<package name="tree/);
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
    <commands><command name='c'>${windows ? "Write-Output 'there'" : 'test -d /etc'}</command></commands></template>`;
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
