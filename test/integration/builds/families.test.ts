import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { FAMILIES, profileFor } from '../../../src/os/index.js';
import type { InstallScriptKind, OsFamily, Release } from '../../../src/os/types.js';
import { throwIfInvalid } from '../../../src/tdl/parse.js';
import { Bed } from '../../support/bed.js';

/** A script of each kind, as short as it may be. */
const SCRIPTS: Partial<Record<InstallScriptKind, string>> = {
  kickstart: 'text\npoweroff\n',
  preseed: 'd-i debian-installer/exit/poweroff boolean true\n',
  autoinstall: '#cloud-config\nautoinstall:\n  version: 1\n  shutdown: poweroff\n',
  autoyast: '<profile><general><mode><halt>true</halt></mode></general></profile>\n',
  agama: '{ "product": { "id": "Leap_16.0" } }\n',
};

const BUILT = FAMILIES.flatMap((family) =>
  family.releases.filter(({ tried }) => tried === 'fake cloud').map((release) => ({ family, release })),
);

/** So many at a time: a build of the fake cloud waits more than it works. */
const AT_ONCE = 8;

describe('every system that the documentation says was built on the fake cloud', () => {
  let bed: Bed;
  before(async () => {
    bed = await Bed.start();
  });
  after(() => bed.close());

  function templateOf({ family, names, releases }: OsFamily, release: Release): string {
    const arch = release.arches[0] ?? 'x86_64';
    const version = release.to === '9999' ? 'any' : release.to;
    const folder = `${bed.media.origin}/${family}/${releases.indexOf(release)}/netboot`;
    const extra = ['rpm', 'none'].includes(release.tools.packageManager)
      ? ''
      : `<packages><package name='tree'/></packages><repositories><repository name='own'><url>${
          release.tools.packageManager === 'apt'
            ? 'deb http://deb.example.org/ stable main'
            : 'http://rpm.example.org/own'
        }</url><persisted>no</persisted></repository></repositories>`;
    return `<template><name>${family}-${version}</name><os><name>${names[0]}</name><version>${version}</version>
      <arch>${arch}</arch><install type='url'><url>${folder}</url></install></os>${extra}
      <commands><command name='c'>test -d /etc</command></commands></template>`;
  }

  async function build(family: OsFamily, release: Release): Promise<void> {
    const text = templateOf(family, release);
    const template = throwIfInvalid(text, 'test.tdl');
    const { profile } = profileFor(template);
    assert.equal(profile.release, release);
    const plan = profile.installer(template);
    // The last address that is tried: all before it answer that there is no such file.
    for (const { urls } of [plan.kernel, plan.ramdisk]) bed.media.put(new URL(urls.at(-1) ?? '').pathname, urls.join());
    const started = await bed.build(text, { install_script: SCRIPTS[release.scriptKind] });
    const { glanceId } = await started.result();
    const base = bed.cloud.state.images.get(glanceId);
    for (const [name, value] of Object.entries(plan.imageProperties)) assert.equal(base?.properties[name], value, name);
    assert.equal(base?.properties['os_command_line'], undefined);
    const { icicle } = await started.record();
    if (template.packages.length > 0) assert.match(icicle ?? '', /<package name="tree/);
  }

  it(`builds ${BUILT.length} of them`, async () => {
    const left = [...BUILT];
    const failed: string[] = [];
    const work = async (): Promise<void> => {
      for (let next = left.shift(); next !== undefined; next = left.shift()) {
        const { family, release } = next;
        await build(family, release).catch((error: unknown) => {
          const { cause } = error as { cause?: Error };
          failed.push(`${family.title} ${release.to}: ${(cause ?? (error as Error)).message}`);
        });
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
    assert.deepEqual(failed, []);
    assert.deepEqual(bed.leftovers(), []);
  });
});
