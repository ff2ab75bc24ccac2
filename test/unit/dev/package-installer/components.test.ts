import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test, type TestContext } from 'node:test';
import { gzipSync } from 'node:zlib';
import { findMissingComponents } from '../../../../dev/package-installer/components.js';
import { freePort } from '../../../support/temporal-process.js';

const INDEX = '/debian/dists/bookworm/main/debian-installer/binary-amd64/Packages.gz';
const UDEB = 'pool/main/p/partman-base/partman-base_1_amd64.udeb';
const PACKAGES = `Package: partman-auto\nFilename: pool/other.udeb\n\nPackage: partman-base\nVersion: 1\nFilename: ${UDEB}\n`;

async function startArchive(t: TestContext, files: Record<string, Buffer>): Promise<string> {
  const server = createServer(({ url = '' }, response) => {
    response.writeHead(files[url] === undefined ? 404 : 200);
    response.end(files[url]);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/debian`;
}

test('a full mirror lacks nothing', async (t) => {
  const files = { [INDEX]: gzipSync(PACKAGES), [`/debian/${UDEB}`]: Buffer.from('udeb') };
  assert.equal(await findMissingComponents(await startArchive(t, files)), undefined);
});

test('a mirror that has the index of the components without their files is found out', async (t) => {
  const archive = await startArchive(t, { [INDEX]: gzipSync(PACKAGES) });
  assert.equal(await findMissingComponents(archive), `${UDEB}: HTTP status 404`);
});

test('a mirror without components, and a server that does not answer, are reported in a few words', async (t) => {
  assert.equal(await findMissingComponents(await startArchive(t, {})), `${INDEX.slice(8)}: HTTP status 404`);
  const other = await startArchive(t, { [INDEX]: gzipSync('Package: anna\nFilename: a.udeb\n') });
  assert.equal(await findMissingComponents(other), `${INDEX.slice(8)} has no partman-base`);
  const closed = `http://127.0.0.1:${await freePort()}/debian`;
  assert.match((await findMissingComponents(closed)) ?? '', /^fetch failed: .*ECONNREFUSED/);
});
