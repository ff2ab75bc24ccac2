import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { pathToFileURL } from 'node:url';
import { FactoryError } from '../../../src/build/errors.js';
import { readLocalFile } from '../../../src/media/local-file.js';

describe('a file of the worker’s machine that a template names', () => {
  let root: string;
  let opened: string;
  before(async () => {
    root = await mkdtemp(join(tmpdir(), 'local-file-'));
    opened = join(root, 'opened');
    await mkdir(join(opened, 'a b'), { recursive: true });
    await mkdir(`${opened}-not`);
    await writeFile(join(opened, 'a b', 'f'), 'inside');
    await writeFile(join(root, 'secret'), 'outside');
    await writeFile(join(`${opened}-not`, 'f'), 'outside');
    await symlink(join(root, 'secret'), join(opened, 'link'));
    await symlink(opened, join(root, 'way'));
  });
  after(() => rm(root, { recursive: true }));

  const read = (url: string, maxBytes = 100): Promise<Buffer> =>
    readLocalFile(url, { directories: [opened], maxBytes });
  const refused = (url: string, message: RegExp, maxBytes?: number): Promise<void> =>
    assert.rejects(
      read(url, maxBytes),
      (error) =>
        error instanceof FactoryError &&
        error.type === 'MediaUnavailable' &&
        !error.retryable &&
        message.test(error.message) &&
        !error.message.includes('outside'),
    );

  it('is read from a folder that was opened, however it is written', async () => {
    const url = pathToFileURL(join(opened, 'a b', 'f')).href;
    assert.match(url, /%20/);
    assert.equal((await read(url)).toString(), 'inside');
    assert.equal((await read(url.replace('file://', 'FILE://localhost'))).toString(), 'inside');
    assert.equal((await read(pathToFileURL(join(root, 'way', 'a b', 'f')).href)).toString(), 'inside');
  });

  it('is not read from elsewhere, nor told of', async () => {
    const none = /in none of the folders/;
    await refused(`file://${root}/secret`, none);
    await refused(`file://${root}/there-is-none`, none);
    await refused(`file://${opened}/../secret`, none);
    await refused(`file://${opened}/%2e%2e/secret`, none);
    await refused(`file://${opened}/link`, none);
    await refused(`file://${opened}-not/f`, none);
    await refused(`file://${opened}`, none);
    await assert.rejects(readLocalFile(`file://${opened}/a%20b/f`, { directories: [], maxBytes: 1 }), none);
  });

  it('must say where it is', async () => {
    for (const url of ['file://./tests/f', 'file://host/f', 'file:f', 'file:///a%2fb']) {
      await refused(url, /does not say where the file is/);
    }
  });

  it('must be a file, and not too large', async () => {
    await refused(`file://${opened}/a%20b`, /it is not a file/);
    await refused(`file://${opened}/a%20b/f`, /larger than 5 bytes/, 5);
  });
});
