import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fetchFtpFolder } from '../../../src/media/ftp-folder.js';
import { FtpServer } from '../../support/ftp-server.js';
import { LOOPBACK } from './server.js';

describe('a folder by FTP', () => {
  let folder: string;
  let server: FtpServer;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'imagefactory-ftp-folder-'));
    server = await FtpServer.start();
    server.put('/drivers/one.inf', 'one');
    server.put('/drivers/w10/amd64/two words.sys', 'two');
    server.put('/drivers/away@', '');
    server.put('/other/three', 'three');
  });
  after(async () => {
    await server[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });

  const fetch = (name: string, path: string, maxBytes = 1000): Promise<void> =>
    fetchFtpFolder({ access: LOOPBACK, url: `${server.url}/%2F${name}`, path: join(folder, path), maxBytes });

  it('is fetched with all its files and folders, but without links', async () => {
    await fetch('drivers', 'all');
    assert.deepEqual((await readdir(join(folder, 'all'), { recursive: true })).sort(), ['one.inf', 'w10', 'w10/amd64', 'w10/amd64/two words.sys']); // prettier-ignore
    assert.equal(await readFile(join(folder, 'all/w10/amd64/two words.sys'), 'utf8'), 'two');
  });

  it('is refused when all files together have more than maxBytes', async () => {
    await assert.rejects(fetch('drivers', 'much', 5), { type: 'MediaUnavailable', message: /the limit is 2 bytes/ });
  });

  it('is refused when the name of a file is a path', async () => {
    server.put('/evil/..\\\\up', 'x');
    await assert.rejects(fetch('evil', 'evil'), { type: 'MediaUnavailable', message: /a name that is not valid/ });
  });
});
