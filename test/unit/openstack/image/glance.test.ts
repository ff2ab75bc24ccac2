import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { buffer, text } from 'node:stream/consumers';
import { finished } from 'node:stream/promises';
import { after, describe, it } from 'node:test';
import { FactoryError } from '../../../../src/domain/errors.js';
import { connectCloud } from '../../../../src/openstack/index.js';
import type { Cloud } from '../../../../src/openstack/types.js';
import { answer, serve, serveCloud, settingsFor, tokenReply } from '../local-service.js';

const BYTES = Buffer.from('what Glance keeps'.repeat(10_000));
const IMAGE = {
  id: 'i',
  name: 'disk',
  status: 'active',
  size: BYTES.length,
  checksum: createHash('md5').update(BYTES).digest('hex'),
  os_hash_algo: 'sha512',
  os_hash_value: createHash('sha512').update(BYTES).digest('hex'),
  visibility: 'private',
  created_at: '2026-01-01T00:00:00Z',
};

type File = (request: IncomingMessage, response: ServerResponse) => void;

/** Starts a Glance with one image. `file` answers the requests for the image's data. */
async function glance(image: object, file: File): Promise<Cloud> {
  const origin: string = await serve((request, response) => {
    if (request.url === '/v3/auth/tokens') answer(response, tokenReply(origin, 'token'));
    else if (request.url === '/v2/images/i/file') file(request, response);
    else answer(response, { json: image });
  });
  const cloud = connectCloud(settingsFor(origin));
  after(() => cloud.close());
  return cloud;
}

function sends(bytes: Buffer): File {
  return (_request, response) => response.end(bytes);
}

async function failureOf(promise: Promise<unknown>): Promise<FactoryError> {
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof FactoryError, String(error));
  return error;
}

describe('a download', () => {
  it('returns the bytes of the image', async () => {
    const cloud = await glance(IMAGE, sends(BYTES));
    const { data, size } = await cloud.image.downloadImage('i');
    assert.equal(size, BYTES.length);
    assert.ok((await buffer(data)).equals(BYTES));
  });

  const other = Buffer.from(BYTES).fill('x', 0, 1);
  const cases: [string, object, Buffer, RegExp][] = [
    [
      'other bytes by their SHA-512',
      IMAGE,
      other,
      /image i has the sha512 digest [0-9a-f]+; Glance has recorded [0-9a-f]+/,
    ],
    [
      'other bytes by their MD5, when there is no other digest',
      { ...IMAGE, os_hash_value: null },
      other,
      /the md5 digest/,
    ],
    [
      'other bytes by their MD5, when the other digest has an unknown algorithm',
      { ...IMAGE, os_hash_algo: 'new' },
      other,
      /the md5 digest/,
    ],
    ['too few bytes', IMAGE, BYTES.subarray(1), /image i ended after 169999 bytes; Glance has recorded 170000 bytes/],
  ];
  for (const [what, image, bytes, message] of cases) {
    it(`that returns ${what} fails at its end`, async () => {
      const cloud = await glance(image, sends(bytes));
      const { data } = await cloud.image.downloadImage('i');
      const error = await failureOf(buffer(data));
      assert.deepEqual([error.type, error.retryable], ['ChecksumMismatch', true]);
      assert.match(error.message, message);
    });
  }

  it('of unknown size has its digest checked in a worker thread, with the same result', async () => {
    const large = Buffer.alloc(3 * 1024 * 1024 + 7, 'large');
    const value = createHash('sha512').update(large).digest('hex');
    for (const [promised, whole] of [
      [value, true],
      [value.replace(/^./, 'x'), false],
    ] as const) {
      const cloud = await glance({ ...IMAGE, size: null, os_hash_value: promised }, sends(large));
      const { data } = await cloud.image.downloadImage('i');
      if (whole) assert.ok((await buffer(data)).equals(large));
      else assert.equal((await failureOf(buffer(data))).type, 'ChecksumMismatch');
    }
  });

  it('is not checked when Glance has no digest', async () => {
    const cloud = await glance({ ...IMAGE, checksum: null, os_hash_value: null }, sends(other));
    assert.ok((await buffer((await cloud.image.downloadImage('i')).data)).equals(other));
  });

  it('that is cut off fails with a retryable CloudUnavailable', async () => {
    const cloud = await glance(IMAGE, (_request, response) => {
      response.writeHead(200, { 'content-length': BYTES.length });
      response.write(BYTES.subarray(0, 1000), () => response.destroy());
    });
    const { data } = await cloud.image.downloadImage('i');
    const error = await failureOf(buffer(data));
    assert.deepEqual([error.type, error.retryable], ['CloudUnavailable', true]);
    assert.match(error.message, /Glance of cloud local did not answer GET \/v2\/images\/i\/file/);
  });

  it('fails with the signal’s reason when the signal aborts', async () => {
    const stop = new AbortController();
    const cloud = await glance(IMAGE, (_request, response) => response.write(BYTES.subarray(0, 1000)));
    const { data } = await cloud.image.downloadImage('i', { signal: stop.signal });
    data.once('data', () => stop.abort(new Error('cancelled')));
    await assert.rejects(finished(data), /^Error: cancelled$/);
  });

  it('closes its connection when its stream is destroyed', async () => {
    let began: (response: ServerResponse) => void;
    const response = new Promise<ServerResponse>((resolve) => {
      began = resolve;
    });
    const cloud = await glance(IMAGE, (_request, one) => {
      one.write(BYTES.subarray(0, 1000));
      began(one);
    });
    const { data } = await cloud.image.downloadImage('i');
    const closed = once(await response, 'close');
    data.destroy();
    await closed;
  });

  it('waits for its reader, so that only a small part is in memory', async () => {
    const piece = Buffer.alloc(1024 * 1024);
    let sent = 0;
    const cloud = await glance({ ...IMAGE, size: null, checksum: null, os_hash_value: null }, (_request, response) => {
      const source = new Readable({
        read() {
          sent += 1;
          this.push(sent > 200 ? null : piece);
        },
      });
      source.pipe(response);
    });
    const { data } = await cloud.image.downloadImage('i');
    let received = 0;
    let most = 0;
    for await (const chunk of data as AsyncIterable<Buffer>) {
      received += chunk.length;
      most = Math.max(most, sent * piece.length - received);
      await new Promise(setImmediate);
    }
    assert.equal(received, 200 * piece.length);
    assert.ok(most < 40 * piece.length, `${most} bytes were under way`);
  });

  it('of an image without data fails with the status of the image', async () => {
    const cloud = await glance({ ...IMAGE, status: 'queued' }, (_request, response) =>
      answer(response, { status: 204 }),
    );
    const error = await failureOf(cloud.image.downloadImage('i'));
    assert.deepEqual([error.type, error.message], ['ImageFailed', 'image i has no data: its status is queued']);
  });
});

describe('a read from an offset', () => {
  const readRange: File = (request, response) => {
    if (request.headers.range !== 'bytes=3-') return answer(response, { status: 400 });
    response.writeHead(206);
    response.end(BYTES.subarray(3));
  };

  it('returns the rest of the image', async () => {
    const cloud = await glance(IMAGE, readRange);
    const { data, offset } = await cloud.image.readImage('i', 3);
    assert.equal(offset, 3);
    assert.ok((await buffer(data)).equals(BYTES.subarray(3)));
  });

  it('begins at the first byte where the cloud cannot do this, and says so', async () => {
    const refuse: File = (request, response) =>
      request.headers.range === undefined ? response.end(BYTES) : answer(response, { status: 416 });
    for (const file of [sends(BYTES), refuse]) {
      const { data, offset } = await (await glance(IMAGE, file)).image.readImage('i', 3);
      assert.equal(offset, 0);
      assert.ok((await buffer(data)).equals(BYTES));
    }
  });
});

describe('an upload', () => {
  const queued = { ...IMAGE, status: 'queued' };

  it('sends the bytes with a content-length, and reports its progress', async () => {
    let received = '';
    let length: string | undefined;
    const cloud = await glance(queued, (request, response) => {
      length = request.headers['content-length'];
      void text(request).then((body) => {
        received = body;
        answer(response, { status: 204 });
      });
    });
    const seen: number[] = [];
    const data = Readable.from([BYTES.subarray(0, 10), BYTES.subarray(10)]);
    await cloud.image.uploadImage('i', data, { size: BYTES.length, onProgress: (bytes) => seen.push(bytes) });
    assert.deepEqual([received, length], [BYTES.toString(), String(BYTES.length)]);
    assert.deepEqual(seen, [10, BYTES.length]);
  });

  it('fails with the error of its source', async () => {
    const cloud = await glance(queued, (request) => request.resume());
    for (const onProgress of [undefined, () => undefined]) {
      const source = Readable.from(
        (async function* () {
          yield await Promise.resolve(BYTES);
          throw new FactoryError('MediaUnavailable', 'the mirror broke off');
        })(),
      );
      const error = await failureOf(cloud.image.uploadImage('i', source, { onProgress }));
      assert.deepEqual([error.type, error.message], ['MediaUnavailable', 'the mirror broke off']);
    }
  });

  it('fails when its source cannot be opened', async () => {
    const source = createReadStream('/nowhere/kernel');
    const cloud = await glance(queued, (request) => request.resume());
    await assert.rejects(cloud.image.uploadImage('i', source), /ENOENT.*\/nowhere\/kernel/);
  });

  it('that is refused fails with the reason, and destroys its source', async () => {
    const cloud = await glance(queued, (request, response) => {
      request.resume();
      answer(response, { status: 413, body: 'Denying attempt to upload image because it exceeds the quota.' });
    });
    const data = Readable.from([BYTES]);
    const error = await failureOf(cloud.image.uploadImage('i', data));
    assert.equal(error.type, 'QuotaExceeded');
    assert.equal(data.destroyed, true);
  });

  it('fails with a conflict when another upload has ended first, although Glance answers 410', async () => {
    const file: File = (request, response) => {
      request.resume();
      request.on('end', () => answer(response, { status: 410, json: { message: 'could not be found after upload' } }));
    };
    const error = await failureOf((await glance(IMAGE, file)).image.uploadImage('i', Readable.from([BYTES])));
    assert.deepEqual(
      [error.type, error.message],
      ['Conflict', 'image i is active: another upload of its data ended first'],
    );
  });

  it('gets a fresh token before the stream is begun', async () => {
    let files = 0;
    const service = await serveCloud(({ headers, path }) => {
      if (headers['x-auth-token'] === 'token-1') return { status: 401 };
      if (path !== '/v2/images/i/file') return { json: queued };
      files += 1;
      return { status: 204 };
    });
    const cloud = connectCloud(settingsFor(service.origin));
    after(() => cloud.close());
    await cloud.image.uploadImage('i', Readable.from([BYTES]));
    assert.deepEqual([files, service.signIns()], [1, 2]);
  });

  it('whose token is refused during the stream fails with a retryable error, and the next has a new token', async () => {
    const file: File = (request, response) => {
      request.resume();
      if (request.headers['x-auth-token'] === 'token-1') return answer(response, { status: 401, json: {} });
      request.on('end', () => answer(response, { status: 204 }));
    };
    let tokens = 0;
    const origin: string = await serve((request, response) => {
      if (request.url === '/v3/auth/tokens') answer(response, tokenReply(origin, `token-${++tokens}`));
      else if (request.url === '/v2/images/i/file') file(request, response);
      else answer(response, { json: IMAGE });
    });
    const cloud = connectCloud(settingsFor(origin));
    after(() => cloud.close());
    const error = await failureOf(cloud.image.uploadImage('i', Readable.from([BYTES])));
    assert.deepEqual([error.type, error.retryable], ['AuthenticationFailed', true]);
    await cloud.image.uploadImage('i', Readable.from([BYTES]));
    assert.equal(tokens, 2);
  });

  it('of fewer bytes than its size fails', async () => {
    const cloud = await glance(queued, (request) => request.resume());
    const error = await failureOf(cloud.image.uploadImage('i', Readable.from([BYTES]), { size: BYTES.length + 1 }));
    assert.equal(error.type, 'CloudUnavailable');
  });
});

describe('images', () => {
  it('are listed by tags, name and properties, without other images that Glance returns', async () => {
    const found = { ...IMAGE, imagefactory_build: 'b', tags: ['x'] };
    const service = await serveCloud(() => ({
      json: { images: [found, { ...found, id: 'j', imagefactory_build: 'other' }] },
    }));
    const cloud = connectCloud(settingsFor(service.origin));
    after(() => cloud.close());
    const query = { tags: ['x', 'y=z'], name: 'disk', properties: { imagefactory_build: 'b' } };
    assert.deepEqual(
      (await cloud.image.listImages(query)).map(({ id }) => id),
      ['i'],
    );
    const { searchParams } = new URL(service.seen.at(-1)?.path ?? '', 'http://x');
    assert.deepEqual(searchParams.getAll('tag'), ['x', 'y=z']);
    assert.deepEqual([searchParams.get('name'), searchParams.get('imagefactory_build')], ['disk', 'b']);
  });

  it('are listed over all pages', async () => {
    const service = await serveCloud(({ path }) =>
      path.includes('marker=')
        ? { json: { images: [{ ...IMAGE, id: 'j' }], first: '/v2/images' } }
        : { json: { images: [IMAGE], next: '/v2/images?limit=200&marker=i' } },
    );
    const cloud = connectCloud(settingsFor(service.origin));
    after(() => cloud.close());
    assert.deepEqual(
      (await cloud.image.listImages()).map(({ id }) => id),
      ['i', 'j'],
    );
  });

  it('are created with properties beside the standard fields, and changed with Glance’s patch type', async () => {
    const service = await serveCloud(({ method }) => ({ status: method === 'POST' ? 201 : 200, json: IMAGE }));
    const cloud = connectCloud(settingsFor(service.origin));
    after(() => cloud.close());
    await cloud.image.createImage({
      id: 'i',
      name: 'disk',
      disk_format: 'raw',
      container_format: 'bare',
      properties: { kernel_id: 'k' },
    });
    const expected = { id: 'i', name: 'disk', disk_format: 'raw', container_format: 'bare', kernel_id: 'k' };
    assert.deepEqual(JSON.parse(service.seen.at(-1)?.body ?? ''), expected);
    await cloud.image.updateImage('i', [{ op: 'remove', path: '/kernel_id' }]);
    const patch = service.seen.at(-1);
    assert.equal(patch?.headers['content-type'], 'application/openstack-images-v2.1-json-patch');
    assert.deepEqual(JSON.parse(patch?.body ?? ''), [{ op: 'remove', path: '/kernel_id' }]);
  });

  it('can be imported by Glance from an address, and the last message of the import is returned', async () => {
    const service = await serveCloud(({ path, method }) => {
      if (path === '/v2/info/import') return { json: { 'import-methods': { type: 'array', value: ['web-download'] } } };
      if (method === 'POST') return { status: 202 };
      const tasks = [
        { created_at: '2026-11-28T08:44:29.000000', message: 'first' },
        { created_at: '2026-11-28T08:44:36.000000', message: 'Copied 47 MiB' },
      ];
      return { json: { tasks } };
    });
    const cloud = connectCloud(settingsFor(service.origin));
    after(() => cloud.close());
    assert.deepEqual(await cloud.image.listImportMethods(), ['web-download']);
    await cloud.image.importImage('i', 'http://m.example.org/a.iso');
    const { path, body } = service.seen.at(-1) ?? {};
    assert.equal(path, '/v2/images/i/import');
    assert.deepEqual(JSON.parse(body ?? ''), { method: { name: 'web-download', uri: 'http://m.example.org/a.iso' } });
    assert.equal(await cloud.image.getImportMessage('i'), 'Copied 47 MiB');
  });

  it('cannot be imported when Glance lists no import methods', async () => {
    const service = await serveCloud(() => ({ status: 404 }));
    const cloud = connectCloud(settingsFor(service.origin));
    after(() => cloud.close());
    assert.deepEqual(await cloud.image.listImportMethods(), []);
  });
});
