import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { MockActivityEnvironment } from '@temporalio/testing';
import type { PlannedTarget } from '../../../../src/activities/convert/plan-target-image.js';
import { verifyBoot } from '../../../../src/activities/convert/verify-boot.js';
import type { Deps } from '../../../../src/activities/shared/context.js';
import { FileStore } from '../../../../src/store/file-store.js';
import { Space } from '../../../../src/store/space.js';
import { mayMount } from '../../../support/full-disk.js';
import { missingProgram } from '../../../support/programs.js';
import { TARGET_PLAN } from '../../../support/stubs.js';

const run = promisify(execFile);
const UUID = '4cc3b024-5fe7-4b0b-934b-c5d463b990b0';

describe('the boot of a converted disk', { skip: !mayMount || missingProgram('qemu-img') }, () => {
  let root: string;
  let store: FileStore;
  const path = process.env['PATH'];
  before(async () => {
    root = mkdtempSync(join(tmpdir(), 'verify-boot-'));
    mkdirSync(join(root, 'store'));
    await run('mount', ['-t', 'tmpfs', '-o', 'size=64m', 'imagefactory-test', join(root, 'store')]);
    store = new FileStore(join(root, 'store'));
    writeFileSync(store.bodyPath(UUID), 'the disk');
    process.env['PATH'] = `${root}:${path}`;
  });
  after(async () => {
    process.env['PATH'] = path;
    await run('umount', [store.directory]);
    rmSync(root, { recursive: true, force: true });
  });

  /** Boots the body in an emulator that is this script. */
  function boot(script: string): Promise<unknown> {
    writeFileSync(join(root, 'qemu-system-x86_64'), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    const deps = {
      store,
      space: new Space([store.directory]),
      imageCache: { folder: root },
      pollInterval: 1,
    } as unknown as Deps;
    const planned: PlannedTarget = { ...TARGET_PLAN, bodyPath: store.bodyPath(UUID) };
    const ref = { cloud: 'c', uuid: UUID, workflowId: `target_image-${UUID}` };
    return new MockActivityEnvironment({ scheduledTimestampMs: Date.now() }).run(() =>
      verifyBoot(deps, { ref, planned, virtualSize: 1024 ** 2 }),
    );
  }

  it('leaves no temporary files', async () => {
    await boot(`printf 'localhost login: '; exec sleep 1000`);
    assert.deepEqual(readdirSync(join(store.directory, `${UUID}.d`, 'work')), []);
  });

  it('is a failure of the store when its disk is full, and not one of the system', async () => {
    await assert.rejects(boot('cat /dev/zero > "$TMPDIR/filler"; exit 0'), {
      type: 'StoreFailed',
      retryable: true,
    });
  });

  it('waits for space before it begins', async () => {
    const other = new Space([store.directory]);
    const claim = await other.claim(store.directory, join(store.directory, 'other'), 60 * 1024 ** 2);
    assert.equal(await claim.findShortage(), undefined);
    setTimeout(() => void claim.release(), 20);
    await boot(`printf 'localhost login: '; exec sleep 1000`);
    assert.equal(await claim.isHeld(), false);
  });
});
