import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { MockActivityEnvironment } from '@temporalio/testing';
import { convertImage } from '../../../../src/activities/convert/convert-image.js';
import { findOutput, publishOutput } from '../../../../src/activities/convert/output.js';
import type { Deps } from '../../../../src/activities/shared/context.js';
import type { ConvertedDisk } from '../../../../src/domain/target-image-result.js';
import { digestFile } from '../../../../src/formats/index.js';
import { FileStore } from '../../../../src/store/file-store.js';
import { TARGET_PLAN } from '../../../support/stubs.js';

const UUID = '4cc3b024-5fe7-4b0b-934b-c5d463b990b0';
const PREPARED = { glance_id: 'p', digest: 'd', reused: false, steps: ['packages'] };

describe('the converted file of a target image', () => {
  let root: string;
  let deps: Deps;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'output-'));
    deps = { store: new FileStore(root) } as unknown as Deps;
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));

  /** Publishes a file with this content, as an attempt does. */
  async function publish(content: string): Promise<ConvertedDisk> {
    const path = join(root, `file-${content}`);
    writeFileSync(path, content);
    const file = { path, ...(await digestFile(path)), virtualSize: 9, verifiedBy: 'a test', converter: 'a test' };
    return new MockActivityEnvironment().run(() => publishOutput(deps, UUID, file, PREPARED));
  }

  function convert(): Promise<ConvertedDisk> {
    const ref = { cloud: 'c', uuid: UUID, workflowId: `target_image-${UUID}` };
    const planned = { ...TARGET_PLAN, format: 'oci', isConverted: true } as const;
    return new MockActivityEnvironment().run(() => convertImage(deps, { ref, planned, parameters: {} }));
  }

  it('is known with what it was made from', async () => {
    const disk = await publish('one');
    assert.deepEqual(await findOutput(deps, UUID), { disk, prepared: PREPARED });
    assert.deepEqual(await convert(), disk);
  });

  it('is that of the first attempt that ends', async () => {
    const disk = await publish('one');
    assert.deepEqual(await publish('two'), disk);
    assert.deepEqual((await findOutput(deps, UUID))?.disk, disk);
  });

  it('is not used when it was changed since, and is made anew by the next run', async () => {
    await publish('one');
    writeFileSync(deps.store.bodyPath(UUID), 'two');
    await assert.rejects(convert(), { type: 'StoreFailed', message: /is not the one that was written/ });
    assert.equal(await findOutput(deps, UUID), undefined);
  });
});
