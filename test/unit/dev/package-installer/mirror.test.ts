import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import type { Mirror } from '../../../../dev/installer-tree/mirror.js';
import { type MirrorPlace, mirrorWithSuite, wholeMirror } from '../../../../dev/package-installer/mirror.js';

const UDEB = 'debian/pool/main/p/partman_1_all.udeb';
const KERNEL = 'debian/dists/bookworm/main/installer-amd64/current/images/netboot/debian-installer/amd64/linux';

interface Setup {
  folder: string;
  place: MirrorPlace;
}

/** Starts an archive that answers every request with its path. Returns the folder and the options of a mirror. */
async function startSetup(t: TestContext): Promise<Setup> {
  const folder = await mkdtemp(join(tmpdir(), 'package-installer-'));
  const archive = createServer((request, response) => void response.end(`archive ${request.url}`));
  await new Promise<void>((resolve) => archive.listen(0, '127.0.0.1', resolve));
  const base = `http://127.0.0.1:${(archive.address() as AddressInfo).port}`;
  t.after(async () => {
    archive.closeAllConnections();
    archive.close();
    await rm(folder, { recursive: true, force: true });
  });
  const archives = { debian: `${base}/debian`, security: `${base}/security` };
  return { folder, place: { archives, cache: join(folder, 'cache'), tree: join(folder, 'tree') } };
}

async function write(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, text);
}

async function serve(t: TestContext, mirror: Mirror): Promise<(path: string) => Promise<string | number>> {
  const url = await mirror.start(0, '127.0.0.1');
  t.after(() => mirror.stop());
  return async (path) => {
    const response = await fetch(`${url}/${path}`);
    const text = await response.text();
    return response.ok ? text : response.status;
  };
}

describe('the mirror of an installation that installs package by package', () => {
  it('serves the local suite and the netboot files in front of the archive, and refuses the archive’s own components', async (t) => {
    const { folder, place } = await startSetup(t);
    await write(join(folder, 'suite/dists/labdi/Release'), 'local release');
    await write(join(folder, 'suite/pool/labdi/lab_1_all.udeb'), 'local component');
    await write(join(folder, 'netboot', KERNEL), 'kernel');
    const suite = { folder: join(folder, 'suite'), netboot: join(folder, 'netboot') };
    const get = await serve(t, await mirrorWithSuite(place, suite));
    assert.equal(await get('debian/dists/labdi/Release'), 'local release');
    assert.equal(await get('debian/pool/labdi/lab_1_all.udeb'), 'local component');
    assert.equal(await get(KERNEL), 'kernel');
    assert.equal(await get('debian/dists/bookworm/Release'), 'archive /debian/dists/bookworm/Release');
    assert.equal(await get('debian-security/dists/x/Release'), 'archive /security/dists/x/Release');
    assert.equal(await get(UDEB), 404);
  });

  it('names the missing part of the local suite', async (t) => {
    const { folder, place } = await startSetup(t);
    const suite = { folder: join(folder, 'suite'), netboot: folder };
    await assert.rejects(mirrorWithSuite(place, suite), /^Error: .*suite\/dists\/labdi does not exist$/);
  });

  it('serves everything of a full mirror', async (t) => {
    const { place } = await startSetup(t);
    const get = await serve(t, await wholeMirror(place));
    assert.equal(await get(UDEB), `archive /${UDEB}`);
    assert.equal(await get(KERNEL), `archive /${KERNEL}`);
  });
});
