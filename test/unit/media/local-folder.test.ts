import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readFile, readlink, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { copyLocalFolder } from '../../../src/media/local-folder.js';
import { changeToLinks } from './change-to-links.js';

/** How often a test copies a folder that changes. */
const COPIES = 150;

describe('a folder of the worker’s machine that a template names', () => {
  let root: string;
  let opened: string;
  let copies: number;
  beforeEach(async () => {
    copies = 0;
    root = await mkdtemp(join(tmpdir(), 'local-folder-'));
    opened = join(root, 'opened');
    await mkdir(join(opened, 'extras', 'drivers'), { recursive: true });
    await writeFile(join(opened, 'extras', 'drivers', 'f'), 'inside');
    await mkdir(join(root, 'hidden'));
    await writeFile(join(root, 'hidden', 'f'), 'outside');
  });
  afterEach(() => rm(root, { recursive: true }));

  const copy = async (name = 'extras', maxBytes = 1000): Promise<string> => {
    const path = join(root, `copy${copies++}`);
    await copyLocalFolder({ url: `file://${opened}/${name}`, path, maxBytes, access: { directories: [opened] } });
    return path;
  };

  it('is copied with modes, times and links; links are not followed', async () => {
    const source = join(opened, 'extras', 'drivers');
    await symlink(join(root, 'hidden'), join(opened, 'extras', 'link'));
    await chmod(join(source, 'f'), 0o555);
    await utimes(join(source, 'f'), 1000, 2000);
    await chmod(source, 0o555);
    const to = await copy();
    assert.equal(await readFile(join(to, 'drivers', 'f'), 'utf8'), 'inside');
    assert.equal(await readlink(join(to, 'link')), join(root, 'hidden'));
    const { mode, mtimeMs } = await stat(join(to, 'drivers', 'f'));
    assert.deepEqual([mode & 0o777, mtimeMs], [0o755, 2_000_000]);
    assert.equal((await stat(join(to, 'drivers'))).mode & 0o777, 0o755);
    await chmod(source, 0o755);
  });

  it('is refused when it is a file, outside, too large, or contains a pipe', async () => {
    await symlink(join(root, 'hidden'), join(opened, 'way-out'));
    const refused = (name: string, message: RegExp, maxBytes?: number): Promise<void> =>
      assert.rejects(copy(name, maxBytes), { type: 'MediaUnavailable', retryable: false, message });
    await refused('extras/drivers/f', /it is not a folder/);
    await refused('way-out', /in none of the folders/);
    await refused('extras', /larger than 5 bytes/, 5);
    await promisify(execFile)('mkfifo', [join(opened, 'extras', 'pipe')]);
    await refused('extras', /"pipe" in the folder is no file, no folder and no link/);
  });

  it('is never left, however often a file or a folder in it becomes a link', async () => {
    const [file, folder] = [join(opened, 'extras', 'file'), join(opened, 'extras', 'drivers')];
    await writeFile(file, 'inside');
    const stopChanges = changeToLinks(file, folder, join(root, 'hidden'));
    const seen = { inside: 0, outside: 0, other: 0 };
    const count = async (path: string): Promise<void> => {
      // A link in the copy is not followed by the programs that read the copy.
      const isLink = await readlink(path).then(() => true, () => false); // prettier-ignore
      const text = isLink ? undefined : await readFile(path, 'utf8').catch(() => undefined);
      seen[text === 'inside' || text === 'outside' ? text : 'other']++;
    };
    const isDone = (done: number): boolean => done >= COPIES && seen.inside > 0 && seen.other > 0;
    for (let done = 0; !isDone(done) && done < 100 * COPIES; done++) {
      const to = join(root, `copy${copies}`);
      await copy().catch(() => undefined);
      await count(join(to, 'file'));
      const isLink = await readlink(join(to, 'drivers')).then(() => true, () => false); // prettier-ignore
      if (!isLink) await count(join(to, 'drivers', 'f'));
      await rm(to, { recursive: true, force: true });
    }
    await stopChanges();
    assert.ok(seen.outside === 0 && seen.inside > 0 && seen.other > 0, JSON.stringify(seen));
  });
});
