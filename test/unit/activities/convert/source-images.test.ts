import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { MockActivityEnvironment } from '@temporalio/testing';
import { removeLeftFiles } from '../../../../src/activities/convert/remove-left-files.js';
import { withSourceImage } from '../../../../src/activities/convert/source-images.js';
import type { SourceImage } from '../../../../src/activities/images/source-image.js';
import type { Deps } from '../../../../src/activities/shared/context.js';
import { FactoryError } from '../../../../src/domain/errors.js';
import { ImageCache } from '../../../../src/store/image-cache.js';
import { Space } from '../../../../src/store/space.js';
import { giveLeasesAway } from '../../../support/dead-owners.js';

const CONTENT = Buffer.alloc(200_000, 'disk');
const SOURCE: SourceImage = {
  imageId: 'image-1',
  diskFormat: 'qcow2',
  size: CONTENT.length,
  digest: { algorithm: 'sha512', value: createHash('sha512').update(CONTENT).digest('hex') },
};

describe('the file of an image that is converted', () => {
  let root: string;
  let folder: string;
  let reads: string[];
  /** What Glance answers to the next reads, instead of the content. */
  let answers: (Buffer | Error)[];
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'source-images-'));
    folder = join(root, 'images');
    reads = [];
    answers = [];
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));

  /** The dependencies of one worker. All workers of a test share the cache. */
  function createWorker(budget = 10 * CONTENT.length): Deps {
    const downloadImage = async (id: string) => {
      reads.push(id);
      const answer = answers.shift() ?? CONTENT;
      // As the real client does, the stream fails at its end when bytes are missing.
      const data = Readable.from(
        (async function* () {
          if (answer instanceof Error) throw answer;
          yield answer;
          if (answer.length < CONTENT.length)
            throw new FactoryError('ChecksumMismatch', 'too short', { retryable: true });
        })(),
      );
      return { data, size: CONTENT.length };
    };
    return {
      clouds: { get: () => ({ image: { downloadImage } }) },
      imageCache: new ImageCache(folder, budget),
      space: new Space([root, folder]),
      pollInterval: 5,
    } as unknown as Deps;
  }

  function use<T>(deps: Deps, work: (path: string) => Promise<T>, source = SOURCE): Promise<T> {
    return new MockActivityEnvironment().run(() => withSourceImage(deps, 'c', source, work));
  }

  const read = async (path: string): Promise<boolean> => readFileSync(path).equals(CONTENT);
  const list = (): string[] => readdirSync(folder).filter((name) => !['leases', 'space'].includes(name));

  it('is downloaded once for all that need it at the same moment, on several workers too', async () => {
    const workers = [createWorker(), createWorker(), createWorker()];
    const results = await Promise.all([...workers, ...workers].map((deps) => use(deps, read)));
    assert.deepEqual(results, Array(6).fill(true));
    assert.deepEqual(reads, ['image-1']);
    assert.deepEqual(list(), [`${SOURCE.digest?.value}.qcow2`]);
  });

  it('is downloaded by the next one when a download fails', async () => {
    answers = [CONTENT.subarray(9)];
    const deps = createWorker();
    const results = await Promise.allSettled([use(deps, read), use(deps, read)]);
    assert.deepEqual(results.map(({ status }) => status).sort(), ['fulfilled', 'rejected']);
    assert.deepEqual(reads, ['image-1', 'image-1']);
    assert.equal(list().length, 1);
  });

  it('leaves nothing in the cache when its download fails', async () => {
    answers = [new FactoryError('CloudUnavailable', 'the connection was reset', { retryable: true })];
    await assert.rejects(use(createWorker(), read), /was reset/);
    assert.deepEqual(list(), []);
  });

  it('is missed with a clear sentence when somebody has deleted the image', async () => {
    answers = [new FactoryError('NotFound', 'HTTP 404')];
    await assert.rejects(use(createWorker(), read), { type: 'NotFound', message: /image-1 was deleted from Glance/ });
  });

  it('that is removed while it is used lets the step run again', async () => {
    const evicted = use(createWorker(), async (path) => {
      rmSync(path);
      throw new FactoryError('ImageFailed', 'No such file');
    });
    await assert.rejects(evicted, { type: 'StoreFailed', retryable: true, message: /was removed while it was in use/ });
    assert.equal(await use(createWorker(), read), true);
  });

  it('that was damaged on the disk is downloaded again', async () => {
    await use(createWorker(), read);
    writeFileSync(join(folder, list()[0] ?? ''), CONTENT.subarray(1));
    assert.equal(await use(createWorker(), read), true);
    assert.equal(reads.length, 2);
  });

  it('is not removed for another image while it is used', async () => {
    const deps = createWorker(1);
    await use(deps, async (path) => {
      await use(deps, read, { ...SOURCE, imageId: 'image-2', diskFormat: 'raw' });
      assert.equal(await read(path), true);
    });
    await removeLeftFiles(deps);
    assert.deepEqual(list(), []);
  });

  it('has its own name when Glance knows no digest', async () => {
    const { digest, ...source } = SOURCE;
    assert.ok(digest);
    await use(createWorker(), read, source);
    await use(createWorker(), read, { ...source, imageId: 'image-2' });
    assert.deepEqual(list().sort(), ['image-1.qcow2', 'image-2.qcow2']);
  });

  it('is downloaded anew, and half of it removed, when a worker is killed during the download', async () => {
    const deps = createWorker();
    const part = join(folder, 'half.part');
    await deps.imageCache.use('x');
    await deps.imageCache.startDownload(`${SOURCE.digest?.value}.qcow2`);
    await deps.space.claim(folder, part, 7);
    writeFileSync(part, 'half');
    await giveLeasesAway(join(folder, 'leases'), 'here');
    await giveLeasesAway(join(folder, 'space'), 'here');
    writeFileSync(join(folder, 'unclaimed.part'), 'half');
    await removeLeftFiles(deps);
    assert.deepEqual(list(), []);
    assert.equal(await use(deps, read), true);
  });

  it('stays while another worker that starts cleans up', async () => {
    answers = [];
    const deps = createWorker();
    const part = join(folder, 'running.part');
    const claim = await deps.space.claim(folder, part, 7);
    writeFileSync(part, 'half');
    await removeLeftFiles(createWorker());
    assert.deepEqual(list(), ['running.part']);
    await claim.release();
  });
});
