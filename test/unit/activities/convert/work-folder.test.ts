import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { MockActivityEnvironment } from '@temporalio/testing';
import { withWorkFolder } from '../../../../src/activities/convert/work-folder.js';
import type { Deps } from '../../../../src/activities/shared/context.js';
import { FileStore } from '../../../../src/store/file-store.js';
import { Space } from '../../../../src/store/space.js';
import { giveLeasesAway } from '../../../support/dead-owners.js';

const UUID = '4cc3b024-5fe7-4b0b-934b-c5d463b990b0';

describe('the work folder of an attempt', () => {
  let root: string;
  let work: string;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'work-folder-'));
    work = join(root, `${UUID}.d`, 'work');
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));

  /** Runs an attempt on a worker of its own, with the store that all workers share. */
  function attempt<T>(use: (folder: string) => Promise<T>, bytes = 7): Promise<T> {
    const deps = { store: new FileStore(root), space: new Space([root]), pollInterval: 1 } as unknown as Deps;
    return new MockActivityEnvironment().run(() => withWorkFolder(deps, UUID, bytes, use));
  }

  it('is empty, and is removed when the attempt ends, however it ends', async () => {
    assert.deepEqual(await attempt(async (folder) => readdirSync(folder)), []);
    await assert.rejects(
      attempt(async (folder) => {
        writeFileSync(join(folder, 'half'), 'half');
        throw new Error('it broke');
      }),
      /it broke/,
    );
    assert.deepEqual(readdirSync(work), []);
  });

  it('stays while a later attempt runs, on another worker too', async () => {
    await attempt(async (slow) => {
      writeFileSync(join(slow, 'mine'), 'half');
      await attempt(async (folder) => {
        assert.notEqual(folder, slow);
        assert.equal(dirname(folder), work);
        assert.ok(existsSync(join(slow, 'mine')));
      });
      assert.ok(existsSync(join(slow, 'mine')));
      // Its worker's machine does not answer for a moment: a lease lasts two minutes.
      await giveLeasesAway(join(root, 'space'), 'elsewhere', 60);
      await attempt(async () => undefined);
      assert.ok(existsSync(join(slow, 'mine')));
    });
  });

  it('is removed by a later attempt when its worker was killed', async () => {
    const killed = attempt(async (dead) => {
      writeFileSync(join(dead, 'half'), 'half');
      await giveLeasesAway(join(root, 'space'), 'here');
      await attempt(async (folder) => assert.deepEqual(readdirSync(work).map((name) => join(work, name)), [folder])); // prettier-ignore
      throw new Error('no such file');
    });
    await assert.rejects(killed, /another worker has given away the space/);
  });

  it('that belongs to no attempt, as of an earlier version, is removed', async () => {
    mkdirSync(join(work, 'convert-1'), { recursive: true });
    await attempt(async (folder) => assert.deepEqual(readdirSync(work).map((name) => join(work, name)), [folder])); // prettier-ignore
  });

  it('is not made before there is space for it', async () => {
    await assert.rejects(
      attempt(async () => assert.fail('it has no space'), 2 ** 60),
      /needs .* of disk space, but the disk of the store has/,
    );
    assert.deepEqual(readdirSync(work), []);
  });

  it('makes a full disk a failure of the store, which a later attempt may not have', async () => {
    const full = Object.assign(new Error('no space left on device'), { code: 'ENOSPC', syscall: 'write' });
    await assert.rejects(
      attempt(() => Promise.reject(full)),
      { type: 'StoreFailed', retryable: true },
    );
  });
});
