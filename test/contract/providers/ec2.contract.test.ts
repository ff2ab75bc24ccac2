import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, request, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { EBS } from '@aws-sdk/client-ebs';
import { EC2 } from '@aws-sdk/client-ec2';
import { startMoto } from '../../support/counterparts/moto.js';
import { BLOCK, connectEc2, REGION } from '../../support/providers/ec2.js';
import { createOperation } from '../../support/providers/operation.js';
import { createDisk, createPushedImage } from '../../support/providers/pushed-image.js';

const moto = await startMoto();
const DISK = createDisk({ blocks: 40, blockSize: BLOCK, data: [0, 1, 7, 38, 39] });

/**
 * The provider against moto: whether another program than our own fake understands the requests that the SDK makes of
 * ours, and whether we understand its answers. Moto checks neither signatures nor checksums nor names, answers a client
 * token with a second snapshot, and forgets the tags and the snapshot of RegisterImage: our fake is strict there.
 */
describe('the provider ec2 and moto', { skip: typeof moto === 'string' && moto }, async () => {
  if (typeof moto === 'string') return;
  const folder = await mkdtemp(join(tmpdir(), 'ec2-contract-'));
  const front = await startFront(moto.url);
  const provider = await connectEc2(front.url, { accessKey: 'AKIATEST' });
  const credentials = { accessKeyId: 'AKIATEST', secretAccessKey: 'secret' };
  const ec2 = new EC2({ region: REGION, endpoint: moto.url, credentials });
  const ebs = new EBS({ region: REGION, endpoint: moto.url, credentials });
  after(async () => {
    await provider.close();
    ec2.destroy();
    ebs.destroy();
    front.server.close();
    front.server.closeAllConnections();
    await moto.close();
    await rm(folder, { recursive: true });
  });

  it('agree about a push, from the check to the removal', async () => {
    const image = await createPushedImage(folder, DISK);
    const operation = createOperation();
    const uploaded = await provider.upload(operation, image);
    const SnapshotId = uploaded.ids['snapshot'];
    const { Blocks } = await ebs.listSnapshotBlocks({ SnapshotId });
    assert.deepEqual(
      // Moto lists them in the order in which they came.
      Blocks?.map(({ BlockIndex = -1 }) => BlockIndex).sort((one, other) => one - other),
      [0, 1, 7, 38, 39],
    );
    for (const { BlockIndex = -1, BlockToken } of Blocks ?? []) {
      const { BlockData } = await ebs.getSnapshotBlock({ SnapshotId, BlockIndex, BlockToken });
      const bytes = await BlockData?.transformToByteArray();
      const expected = DISK.subarray(BlockIndex * BLOCK, (BlockIndex + 1) * BLOCK);
      assert.equal(sha256(bytes ?? Buffer.alloc(0)), sha256(expected));
    }
    assert.deepEqual(
      (await provider.listStaging(operation)).map(({ id, uuid }) => ({ id, uuid })),
      [{ id: SnapshotId, uuid: image.uuid }],
    );

    const registered = await provider.register(operation, image, uploaded);
    assert.match(registered.id, /^ami-/);
    // Moto has dropped the tags that the request had.
    const tags = { imagefactory_tool: 'imagefactory-nova', imagefactory_image: image.uuid };
    const all = { ...tags, imagefactory_source: image.file.sha512.slice(0, 32) };
    const Tags = Object.entries(all).map(([Key, Value]) => ({ Key, Value }));
    await ec2.createTags({ Resources: [registered.id], Tags });
    assert.equal((await provider.find(operation, image))?.id, registered.id);

    await provider.share?.(operation, registered, ['111122223333']);
    const { LaunchPermissions } = await ec2.describeImageAttribute({
      ImageId: registered.id,
      Attribute: 'launchPermission',
    });
    assert.deepEqual(LaunchPermissions, [{ UserId: '111122223333' }]);

    assert.deepEqual(await provider.delete(operation, registered), [`AMI ${registered.id} in ${REGION}`]);
    assert.deepEqual(await provider.delete(operation, registered), []);
    assert.deepEqual(await provider.removeStaging(operation, image.uuid), [`snapshot ${SnapshotId} in ${REGION}`]);
    assert.deepEqual(await provider.listStaging(operation), []);
  });

  it('agree about dry runs', async () => {
    const findings = await provider.check(createOperation());
    const refused = findings.filter(({ ok }) => !ok).map(({ what }) => what);
    // Moto fails on a snapshot that is not there (HTTP 500), where EBS says so.
    assert.deepEqual(
      refused.filter((what) => !/snapshots$/.test(what)),
      [],
    );
    assert.ok(findings.some(({ what, ok }) => what === 'register AMIs' && ok));
  });
});

/**
 * Forwards to moto, and corrects one of its answers: moto calls a snapshot of EBS direct completed as soon as it is
 * started, and the provider rightly sends no block to a completed one.
 */
async function startFront(target: string): Promise<{ url: string; server: Server }> {
  const completed = new Set<string>();
  const server = createServer((incoming, response) => {
    const sealed = /^\/snapshots\/completion\/([^/?]+)/.exec(incoming.url ?? '')?.[1];
    if (sealed !== undefined) completed.add(sealed);
    const { method, headers } = incoming;
    const onward = request(`${target}${incoming.url ?? ''}`, { method, headers, agent: false }, (reply) => {
      void readAll(reply).then((body) => {
        const text = body.includes('<snapshotSet>') ? Buffer.from(correct(body.toString(), completed)) : body;
        response.writeHead(reply.statusCode ?? 502, {
          'content-type': reply.headers['content-type'] ?? 'text/xml',
          'content-length': text.length,
        });
        response.end(text);
      });
    });
    incoming.pipe(onward);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, server };
}

function correct(xml: string, completed: ReadonlySet<string>): string {
  return xml.replaceAll(/<snapshotId>(snap-\w+)<\/snapshotId>.*?<status>completed/gs, (item, id) =>
    completed.has(String(id)) ? item : item.replace(/<status>completed$/, '<status>pending'),
  );
}

async function readAll(message: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of message as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
