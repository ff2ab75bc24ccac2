import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { BlobServiceClient, StorageSharedKeyCredential } from '@azure/storage-blob';
import type { FactoryError } from '../../../src/domain/errors.js';
import type { Provider } from '../../../src/providers/types.js';
import { AZURITE_ACCOUNT, AZURITE_KEY, startAzurite } from '../../support/counterparts/azurite.js';
import { createOperation } from '../../support/providers/operation.js';
import { connect, makeFolder, makeImage, MIB, startAzure } from '../../unit/providers/azure/pushes.js';

const azurite = await startAzurite();
const skip = typeof azurite === 'string' ? azurite : false;
const url = typeof azurite === 'string' ? '' : azurite.url;
after(async () => {
  if (typeof azurite !== 'string') await azurite.close();
});

const folder = makeFolder();
/** The caller of the calls that only the test makes. */
const container = new BlobServiceClient(
  url || 'http://127.0.0.1/none',
  new StorageSharedKeyCredential(AZURITE_ACCOUNT, AZURITE_KEY),
).getContainerClient('images');

/** A provider whose blobs are azurite's. Azure Resource Manager, which azurite has not, is our fake's. */
async function connectToAzurite(): Promise<Provider> {
  const keyFile = join(folder, 'key');
  writeFileSync(keyFile, `${AZURITE_KEY}\n`);
  const azure = await startAzure();
  const endpoints = { management: azure.server.url, login: azure.server.url, blob: url };
  const storage = { account: AZURITE_ACCOUNT, container: 'images', key_file: keyFile };
  return connect(azure, { endpoints, storage });
}

/**
 * Microsoft's own emulator takes our signatures, names, metadata and ranges. It cannot show that a write of more than
 * 4 MiB or with a wrong MD5 is refused: it takes both.
 */
describe('an upload to azurite', { skip }, () => {
  it('needs the container', async () => {
    const provider = await connectToAzurite();
    const image = await makeImage(folder);
    await assert.rejects(provider.upload(createOperation(), image), (error: FactoryError) => {
      assert.equal(error.type, 'NotFound');
      assert.match(error.hint ?? '', /az storage container create/);
      return true;
    });
    await container.create();
  });

  it('arrives byte by byte, without its holes, and is removed by its marks', async () => {
    const provider = await connectToAzurite();
    const image = await makeImage(folder, { blocks: 20, data: [1, 9, 17] });
    const { ids, sent } = await provider.upload(createOperation(), image);
    assert.equal(sent, 12 * MIB + 512);
    const blob = container.getBlobClient(ids['blob'] ?? '');
    assert.ok((await blob.downloadToBuffer()).equals(readFileSync(image.file.path)));
    const [staged, ...others] = await provider.listStaging(createOperation());
    assert.deepEqual(
      [staged?.uuid, staged?.kind, staged?.size, others.length],
      [image.uuid, 'blob', image.file.size, 0],
    );
    assert.equal((await provider.removeStaging(createOperation(), image.uuid)).length, 1);
    assert.deepEqual(await provider.listStaging(createOperation()), []);
    assert.deepEqual(await provider.removeStaging(createOperation(), image.uuid), []);
  });

  it('goes on where a dead upload has stopped', async () => {
    const image = await makeImage(folder, { blocks: 40, data: [1, 9, 17, 25, 33] });
    const dead = new AbortController();
    const first = createOperation({
      signal: dead.signal,
      onReport: ({ percent = 0 }) => {
        if (percent > 40) dead.abort(new Error('killed'));
      },
    });
    await assert.rejects((await connectToAzurite()).upload(first, image), /killed/);
    const provider = await connectToAzurite();
    const { ids, sent } = await provider.upload(createOperation(), image);
    assert.ok(sent < 20 * MIB, `${sent} bytes in the second attempt`);
    const blob = container.getBlobClient(ids['blob'] ?? '');
    assert.ok((await blob.downloadToBuffer()).equals(readFileSync(image.file.path)));
  });

  it('shows that azurite makes a blob once', async () => {
    const blob = container.getPageBlobClient('once.vhd');
    await blob.create(512, { conditions: { ifNoneMatch: '*' } });
    await assert.rejects(blob.create(512, { conditions: { ifNoneMatch: '*' } }), { code: 'BlobAlreadyExists' });
  });
});
