import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fetchToFile, type FetchedFile, type FetchFileOptions } from '../../../src/media/fetch.js';
import { fetchValidators } from '../../../src/media/head.js';
import { fetchContent, fetchText } from '../../../src/media/text.js';
import { FtpServer } from '../../support/ftp-server.js';
import { LOOPBACK } from './server.js';

const BODY = randomBytes(300_000);
const SHA256 = createHash('sha256').update(BODY).digest('hex');
const MODIFIED = 'Sun, 22 Nov 2026 10:00:00 GMT';

describe('a medium by FTP', () => {
  let directory: string;
  let count = 0;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'ftp-'));
  });
  after(() => rm(directory, { recursive: true }));

  function fetching(
    url: string,
    options: Partial<FetchFileOptions> = {},
  ): { path: string; fetched: Promise<FetchedFile> } {
    const path = join(directory, `file${count++}`);
    return { path, fetched: fetchToFile({ access: LOOPBACK, url, path, maxBytes: 10_000_000, ...options }) };
  }

  it('is written to a file; digest, size and modification time are returned', async () => {
    await using server = await FtpServer.start();
    server.put('/pub/linux', BODY);
    const progress: number[] = [];
    const { path, fetched } = fetching(`${server.url}/pub/linux`, {
      expected: { algorithm: 'sha512', value: createHash('sha512').update(BODY).digest('hex') },
      onProgress: (done) => progress.push(done),
    });
    assert.deepEqual(await fetched, {
      sha256: SHA256,
      size: BODY.length,
      finalUrl: `${server.url}/pub/linux`,
      etag: undefined,
      lastModified: MODIFIED,
    });
    assert.ok(BODY.equals(await readFile(path)));
    assert.equal(progress.at(-1), BODY.length);
    assert.deepEqual(
      server.commands.filter((line) => /^(USER|TYPE|RETR)/.test(line)),
      ['USER anonymous', 'TYPE I', 'RETR pub/linux'],
    );
  });

  it('is refused when its digest is not the expected one', async () => {
    await using server = await FtpServer.start();
    server.put('/linux', BODY);
    const { path, fetched } = fetching(`${server.url}/linux`, {
      expected: { algorithm: 'sha256', value: '0'.repeat(64) },
    });
    await assert.rejects(fetched, { type: 'ChecksumMismatch', retryable: false });
    assert.ok(!existsSync(path));
  });

  it('is requested with the decoded user, password and path of the address', async () => {
    await using server = await FtpServer.start({ user: 'me@home', password: 'p:/s' });
    server.put('/a b/grün', 'here');
    const url = server.url.replace('//', '//me%40home:p%3A%2Fs@');
    assert.equal(await fetchText(`${url}/a%20b/gr%C3%BCn`, { access: LOOPBACK }), 'here');
    assert.equal(await fetchText(`${url}/%2Fa%20b/gr%C3%BCn`, { access: LOOPBACK }), 'here');
    assert.deepEqual(
      server.commands.filter((line) => line.startsWith('RETR')),
      ['RETR a b/grün', 'RETR /a b/grün'],
    );
  });

  it('is fetched with PASV when the server has no EPSV, and without size and time when it does not report them', async () => {
    await using server = await FtpServer.start();
    for (const name of ['EPSV', 'SIZE', 'MDTM', 'FEAT']) server.unknown.add(name);
    server.put('/linux', BODY);
    const { sha256, size, lastModified } = await fetching(`${server.url}/linux`).fetched;
    assert.deepEqual([sha256, size, lastModified], [SHA256, BODY.length, undefined]);
    assert.deepEqual(await fetchValidators(`${server.url}/linux`, { access: LOOPBACK }), {
      etag: undefined,
      lastModified: undefined,
      size: undefined,
    });
  });

  it('is refused when its address contains control characters, which could add FTP commands', async () => {
    await using server = await FtpServer.start();
    const withLogin = server.url.replace('//', '//me%0d%0aDELE%20x@');
    for (const url of [`${server.url}/x%0D%0ADELE%20y`, `${server.url}/x%0Ay`, `${server.url}/x%00y`, withLogin]) {
      await assert.rejects(fetching(url).fetched, { retryable: false, message: /control character/ });
    }
    assert.deepEqual(server.commands, []);
  });

  it('fails finally when it does not exist, or when the login is refused', async () => {
    await using server = await FtpServer.start({ user: 'me', password: 'right' });
    await assert.rejects(fetching(server.url.replace('//', '//me:wrong@') + '/x').fetched, {
      type: 'MediaUnavailable',
      retryable: false,
      message: `cannot fetch ${server.url}/x: FTP reply "530 Login incorrect."`,
      hint: /needs a user and a password/,
    });
    const url = `${server.url.replace('//', '//me:right@')}/x`;
    for (const fetch of [
      () => fetching(url).fetched,
      () => fetchText(url, { access: LOOPBACK }),
      () => fetchValidators(url, { access: LOOPBACK }),
    ]) {
      await assert.rejects(fetch, {
        type: 'MediaUnavailable',
        retryable: false,
        message: `cannot fetch ${server.url}/x: FTP reply "550 No such file."`,
      });
    }
  });

  it('fails with a retryable error when the server is busy', async () => {
    await using server = await FtpServer.start();
    server.put('/linux', BODY);
    server.fault('connect', { reply: '421 Too many connections.' });
    await assert.rejects(fetching(`${server.url}/linux`).fetched, { retryable: true, message: /421 Too many/ });
    server.fault('RETR', { reply: '450 Busy.' });
    const { path, fetched } = fetching(`${server.url}/linux`);
    await assert.rejects(fetched, { type: 'MediaUnavailable', retryable: true, message: /FTP reply "450 Busy."/ });
    assert.ok(!existsSync(path));
  });

  it('fails with a retryable error when the connection is refused', async () => {
    const closed = createServer().listen(0, '127.0.0.1');
    await once(closed, 'listening');
    const { port } = closed.address() as AddressInfo;
    await new Promise((resolve) => closed.close(resolve));
    await assert.rejects(fetching(`ftp://127.0.0.1:${port}/x`).fetched, {
      type: 'MediaUnavailable',
      retryable: true,
      message: `cannot fetch ftp://127.0.0.1:${port}/x: connection refused`,
    });
  });

  it('continues a transfer that was cut off', async () => {
    await using server = await FtpServer.start();
    server.put('/linux', BODY);
    server.fault('RETR', { stopAfter: 100_000 });
    let cut = (): void => server.cut();
    const { path, fetched } = fetching(`${server.url}/linux`, {
      expected: { algorithm: 'sha256', value: SHA256 },
      onProgress: () => {
        cut();
        cut = () => undefined;
      },
    });
    assert.equal((await fetched).size, BODY.length);
    assert.ok(BODY.equals(await readFile(path)));
    assert.match(server.commands.find((line) => line.startsWith('REST')) ?? '', /^REST [1-9]\d*$/);
  });

  it('starts over after a cut when the file has changed, or when the server does not support REST', async () => {
    for (const change of ['file', 'server']) {
      await using server = await FtpServer.start();
      server.put('/linux', BODY);
      server.fault('RETR', { stopAfter: 1000 });
      let cut = (): void => {
        if (change === 'file') server.put('/linux', 'another file');
        else server.unknown.add('REST');
        server.cut();
      };
      const { path, fetched } = fetching(`${server.url}/linux`, {
        onProgress: () => {
          cut();
          cut = () => undefined;
        },
      });
      await fetched;
      assert.deepEqual(await readFile(path), change === 'file' ? Buffer.from('another file') : BODY);
      assert.ok(!server.commands.some((line) => line.startsWith('REST')));
    }
  });

  it('fails when its data ends and the server then reports an error', async () => {
    await using server = await FtpServer.start();
    server.unknown.add('SIZE').add('MDTM');
    server.put('/linux', BODY);
    server.fault('RETR', { endAfter: 1000, reply: '451 Local error in processing.' }, 2);
    await assert.rejects(fetching(`${server.url}/linux`).fetched, { retryable: true, message: /451 Local error/ });
    await assert.rejects(fetchText(`${server.url}/linux`, { access: LOOPBACK }), {
      retryable: true,
      message: /451 Local error/,
    });
  });

  it('fails when its data is shorter than the size that the server reported', async () => {
    await using server = await FtpServer.start();
    server.unknown.add('MDTM');
    server.put('/linux', BODY);
    server.fault('RETR', { endAfter: 1000, reply: '226 done' }, 2);
    const early = { retryable: true, message: /the transfer ended early, after 1000 of 300000 bytes/ };
    await assert.rejects(fetching(`${server.url}/linux`).fetched, early);
    await assert.rejects(fetchText(`${server.url}/linux`, { access: LOOPBACK }), early);
  });

  it('is refused when it is larger than maxBytes, with and without a reported size', async () => {
    await using server = await FtpServer.start();
    server.put('/linux', BODY);
    const tooLarge = { type: 'MediaUnavailable', retryable: false, message: /the limit is 1000 bytes/ };
    await assert.rejects(fetching(`${server.url}/linux`, { maxBytes: 1000 }).fetched, tooLarge);
    assert.ok(!server.commands.some((line) => line.startsWith('RETR')));
    server.unknown.add('SIZE');
    await assert.rejects(fetching(`${server.url}/linux`, { maxBytes: 1000 }).fetched, tooLarge);
    await assert.rejects(fetchText(`${server.url}/linux`, { access: LOOPBACK, maxBytes: 1000 }), {
      retryable: false,
      message: /larger than 1000 bytes/,
    });
  });

  it('fails when no byte comes for the idle timeout, and when the transfer exceeds the total timeout', async () => {
    await using server = await FtpServer.start();
    server.unknown.add('MDTM');
    server.put('/linux', BODY);
    server.fault('RETR', { stopAfter: 1 }, 2);
    await assert.rejects(fetching(`${server.url}/linux`, { timeouts: { idle: 0.2 } }).fetched, {
      type: 'MediaUnavailable',
      retryable: true,
      message: /Timeout \(data socket\), after 1 of 300000 bytes/,
    });
    await assert.rejects(fetching(`${server.url}/linux`, { timeouts: { total: 0.2 } }).fetched, {
      type: 'MediaUnavailable',
      retryable: true,
      message: /did not end within 0.2 s/,
    });
  });

  it('fails when the server sends no greeting', async () => {
    const silent = createServer((socket) => void socket.on('error', () => undefined)).listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const { port } = silent.address() as AddressInfo;
    await assert.rejects(fetching(`ftp://127.0.0.1:${port}/x`, { timeouts: { connect: 0.2 } }).fetched, {
      retryable: true,
      message: /connection timed out/,
    });
    silent.close();
  });

  it('stops with the reason of the signal and leaves no file', async () => {
    await using server = await FtpServer.start();
    server.put('/linux', BODY);
    server.fault('RETR', { stopAfter: 1 });
    const stop = new AbortController();
    const { path, fetched } = fetching(`${server.url}/linux`, {
      signal: stop.signal,
      onProgress: () => stop.abort(new Error('enough')),
    });
    await assert.rejects(fetched, { message: 'enough' });
    assert.ok(!existsSync(path));
    await assert.rejects(fetchText(`${server.url}/linux`, { access: LOOPBACK, signal: stop.signal }), {
      message: 'enough',
    });
  });

  it('has its size and time read without being fetched', async () => {
    await using server = await FtpServer.start();
    server.put('/linux', BODY);
    assert.deepEqual(await fetchValidators(`${server.url}/linux`, { access: LOOPBACK }), {
      etag: undefined,
      lastModified: MODIFIED,
      size: BODY.length,
    });
    assert.ok(!server.commands.some((line) => line.startsWith('RETR')));
  });

  it('has its own address as its final address, because FTP has no redirects', async () => {
    await using server = await FtpServer.start();
    server.put('/SUMS', 'text');
    assert.equal((await fetchContent(`${server.url}/SUMS`, { access: LOOPBACK })).finalUrl, `${server.url}/SUMS`);
  });
});
