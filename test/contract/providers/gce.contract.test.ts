import assert from 'node:assert/strict';
import { createHash, randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { createGunzip } from 'node:zlib';
import type { RegisteredImage } from '../../../src/domain/provider-image.js';
import { gceConfiguration } from '../../../src/providers/gce/configuration.js';
import { connectGce } from '../../../src/providers/gce/gce.js';
import type { Provider, PushedImage } from '../../../src/providers/types.js';
import { FakeGce } from '../../fakes/providers/gce/fake-gce.js';
import { connectToFake, createGceArchive, createGceImage } from '../../support/providers/gce.js';
import { createOperation } from '../../support/providers/operation.js';

/** Milliseconds between two questions to the real service. */
const POLL = 3000;

interface Counterpart {
  provider: Provider;
  image: PushedImage;
  operate: typeof createOperation;
  stop(): Promise<void>;
}

const { env } = process;
const project = env['IMAGEFACTORY_TEST_GCE_PROJECT'];
const bucket = env['IMAGEFACTORY_TEST_GCE_BUCKET'];
const path = env['IMAGEFACTORY_TEST_GCE_FILE'];
const unset =
  (project === undefined || bucket === undefined || path === undefined) &&
  'IMAGEFACTORY_TEST_GCE_PROJECT, _BUCKET and _FILE are not set';

describeContract('our fake of Google Cloud', false, startFake);
describeContract('a project of Google Cloud', unset, startReal);

/** What Google does and our fake does alike. Each test continues the one before. */
function describeContract(name: string, skip: string | false, start: () => Promise<Counterpart>): void {
  describe(`pushing to ${name}`, { skip }, () => {
    let there: Counterpart;
    let registered: RegisteredImage | undefined;
    const notes = new Map<string, string>();
    const staged = async (): Promise<string[]> =>
      (await there.provider.listStaging(there.operate()))
        .filter(({ uuid }) => uuid === there.image.uuid)
        .map(({ kind }) => kind);

    before(async () => {
      there = await start();
    });
    after(async () => {
      // Also when a test has failed in between.
      if (registered !== undefined) await there.provider.delete(there.operate(), registered);
      await there.provider.removeStaging(there.operate({ notes }), there.image.uuid);
      await there.stop();
    });

    it('check finds nothing missing', async () => {
      const findings = await there.provider.check(there.operate(), there.image);
      assert.deepEqual(
        findings.filter(({ ok }) => !ok),
        [],
      );
    });

    it('an upload that was stopped goes on where it was', async () => {
      const stopped = new AbortController();
      const onReport = ({ message, percent = 0 }: { message: string; percent?: number }): void => {
        if (message.startsWith('uploading') && percent > 0 && percent < 100) stopped.abort(new Error('stopped'));
      };
      const first = there.operate({ notes, signal: stopped.signal, onReport });
      await assert.rejects(there.provider.upload(first, there.image), /stopped/);
      const uploaded = await there.provider.upload(there.operate({ notes }), there.image);
      assert.ok(uploaded.sent < there.image.file.size);
      assert.deepEqual(await staged(), ['object']);
    });

    it('registering twice makes one image', async () => {
      assert.equal(await there.provider.find(there.operate(), there.image), undefined);
      const uploaded = await there.provider.upload(there.operate({ notes }), there.image);
      assert.equal(uploaded.sent, 0);
      registered = await there.provider.register(there.operate(), there.image, uploaded);
      const again = await there.provider.register(there.operate(), there.image, uploaded);
      assert.deepEqual(again, registered);
      assert.equal((await there.provider.find(there.operate(), there.image))?.id, registered.id);
    });

    it('afterwards nothing of the push is left but the image', async () => {
      await there.provider.removeStaging(there.operate({ notes }), there.image.uuid);
      assert.deepEqual(await staged(), []);
    });

    it('the image is removed once', async () => {
      assert.ok(registered !== undefined);
      assert.deepEqual(await there.provider.delete(there.operate(), registered), [`image ${registered.id}`]);
      assert.deepEqual(await there.provider.delete(there.operate(), registered), []);
    });
  });
}

async function startFake(): Promise<Counterpart> {
  const folder = await mkdtemp(join(tmpdir(), 'gce-contract-'));
  const fake = new FakeGce();
  await fake.server.listen();
  const provider = await connectToFake(fake);
  const stop = async (): Promise<void> => {
    await provider.close();
    fake.server.close();
    await rm(folder, { recursive: true });
  };
  return { provider, image: await createGceImage(folder, createGceArchive(600_000)), operate: createOperation, stop };
}

async function startReal(): Promise<Counterpart> {
  assert.ok(path !== undefined);
  const configuration = gceConfiguration.parse({ kind: 'gce', project, bucket });
  // Small parts, so that there is a middle in which an upload can be stopped.
  const provider = await connectGce({ name: 'google', configuration, credentials: undefined, env }, 256 * 1024);
  const operate = (options?: Parameters<typeof createOperation>[0]): ReturnType<typeof createOperation> => ({
    ...createOperation(options),
    pollInterval: POLL,
    sleep: (milliseconds) => delay(milliseconds, undefined, { signal: options?.signal }),
  });
  return { provider, image: await describeFile(path), operate, stop: () => provider.close() };
}

async function describeFile(file: string): Promise<PushedImage> {
  const [sha256, sha512] = [createHash('sha256'), createHash('sha512')];
  let virtualSize = 0;
  for await (const chunk of createReadStream(file)) {
    sha256.update(chunk as Buffer);
    sha512.update(chunk as Buffer);
  }
  for await (const chunk of createReadStream(file).pipe(createGunzip())) virtualSize += (chunk as Buffer).length;
  const { size } = await stat(file);
  return {
    uuid: randomUUID(),
    source: randomUUID(),
    name: 'imagefactory-contract',
    os: { name: 'Debian', version: '12', arch: 'x86_64' },
    firmware: 'bios',
    secureBoot: false,
    guestProperties: {},
    documents: { record: '{}' },
    file: {
      path: file,
      name: 'contract.tar.gz',
      format: 'gce',
      size,
      // The disk is all of the archive but its headers.
      virtualSize: Math.floor(virtualSize / 1024 ** 3) * 1024 ** 3,
      sha256: sha256.digest('hex'),
      sha512: sha512.digest('hex'),
    },
  };
}
