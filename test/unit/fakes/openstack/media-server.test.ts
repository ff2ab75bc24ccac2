import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { request } from 'undici';
import { MediaServer } from '../../../fakes/openstack/media-server.js';

describe('the media server of the tests', () => {
  let media: MediaServer;
  before(async () => (media = await MediaServer.start()));
  after(() => media.close());

  async function get(url: string): Promise<{ status: number; bytes: Buffer }> {
    const { statusCode, body } = await request(url);
    return { status: statusCode, bytes: Buffer.from(await body.arrayBuffer()) };
  }

  it('has trees of Debian and Fedora with correct digests', async () => {
    const sums = (await get(`${media.debianUrl}../SHA256SUMS`)).bytes.toString();
    const kernel = (await get(`${media.debianUrl}debian-installer/amd64/linux`)).bytes;
    const digest = createHash('sha256').update(kernel).digest('hex');
    assert.ok(sums.includes(`${digest}  ./netboot/debian-installer/amd64/linux\n`));
    const treeinfo = (await get(`${media.fedoraUrl}.treeinfo`)).bytes.toString();
    assert.ok(treeinfo.includes(`images/pxeboot/vmlinuz = sha256:${digest}`));
  });

  it('injects faults', async () => {
    const url = `${media.debianUrl}debian-installer/amd64/linux`;
    const whole = (await get(url)).bytes;
    media.addFault(/linux$/, { kind: 'altered' }, 1);
    assert.notDeepEqual((await get(url)).bytes, whole);
    media.addFault(/linux$/, { kind: 'status', status: 503 }, 1);
    assert.equal((await get(url)).status, 503);
    media.addFault(/linux$/, { kind: 'truncated', bytes: 100 }, 1);
    await assert.rejects(get(url));
    assert.deepEqual((await get(url)).bytes, whole);
  });
});
