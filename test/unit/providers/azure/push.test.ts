import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { createOperation } from '../../../support/providers/operation.js';
import { connect, makeFolder, makeImage, push, startAzure } from './pushes.js';

const folder = makeFolder();

describe('a push to Azure', () => {
  it('makes an image version from a page blob, and removes the blob', async () => {
    const azure = await startAzure();
    const provider = await connect(azure);
    const image = await makeImage(folder);
    const operation = createOperation();
    const registered = await push(provider, operation, image);
    assert.match(registered.id, /\/galleries\/shared\/images\/debian-12-test\/versions\/\d+\.\d+\.\d+$/);
    const [version, ...others] = azure.manager.find(/versions/);
    assert.ok(version !== undefined);
    assert.deepEqual(others, []);
    assert.ok(version.content?.equals(readFileSync(image.file.path)));
    assert.equal(version.tags['imagefactory_image'], image.uuid);
    assert.deepEqual(await provider.removeStaging(operation, image.uuid), [
      `blob imagefactory/${image.uuid}/${image.file.sha512.slice(0, 32)}.vhd`,
    ]);
    assert.equal(azure.blobs.blobs.size, 0);
    assert.deepEqual((await provider.find(operation, image))?.id, registered.id);
    assert.ok(azure.blobs.writes.every(({ hasChecksum }) => hasChecksum));
  });
});
