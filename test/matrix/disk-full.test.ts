import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { TestEnv } from '../support/test-env.js';
import { fillDisk, mayMount } from '../support/full-disk.js';
import { FaultInjector } from '../support/matrix/fault-injector.js';
import { MatrixSlots } from '../support/matrix/matrix-slots.js';
import { FAULT_POINTS, type FaultPoint } from '../support/matrix/fault-points.js';
import { Report, countAttempts } from '../support/matrix/report.js';

const run = promisify(execFile);
/** Milliseconds after which the disk has free space again. */
const FULL_FOR = 1500;
const WRITE_POINTS = FAULT_POINTS.filter(({ writes }) => writes === true);

describe('a build whose worker’s disk is full for a while', { skip: !mayMount }, () => {
  let env: TestEnv;
  let slots: MatrixSlots;
  const report = new Report('disk-full');
  before(async () => {
    env = await TestEnv.start({ worker: false });
    await run('mount', ['-t', 'tmpfs', '-o', 'size=8m,mode=700', 'imagefactory-test', env.storage]);
    await mkdir(join(env.storage, 'cache'), { recursive: true });
    slots = await MatrixSlots.start(env, 1);
    await slots.startWorker();
  });
  after(async () => {
    await report.save();
    await slots?.close();
    if (env !== undefined) await run('umount', ['-l', env.storage]);
    await env?.close();
  });

  /**
   * Runs a build and fills the disk when the build reaches the point.
   *
   * @returns the reason why the cell is red; undefined when the build is complete as expected
   */
  async function runBuild(point: FaultPoint): Promise<string | undefined> {
    const [slot] = slots.all;
    assert.ok(slot !== undefined);
    const inject = async (): Promise<undefined> => {
      await fillDisk(env.storage);
      setTimeout(() => void rm(join(env.storage, 'filler'), { force: true }), FULL_FOR);
      assert.equal((await statfs(env.storage)).bavail, 0);
      return undefined;
    };
    const on = point.document !== undefined ? 'reading' : point.medium === true ? 'medium' : 'call';
    const injector = new FaultInjector(slot, [{ point, injection: { on, inject } }]);
    await slot.startBuild();
    const failure = await slot.waitForEnd();
    injector.disarm();
    if (failure !== undefined) return failure;
    if (injector.missed.length > 0) return 'the build did not reach the fault point';
    return slot.checkBuilt().then(
      () => undefined,
      (error: Error) => error.message,
    );
  }

  for (const point of WRITE_POINTS) {
    it(`is complete when there is free space again: ${point.name}`, async () => {
      const wrong = await runBuild(point);
      const [slot] = slots.all;
      assert.ok(slot !== undefined);
      const attempts = (await countAttempts(slot, [point])).get(point) ?? 0;
      const outcome = wrong === undefined ? ('built' as const) : ('red' as const);
      const message = wrong === undefined ? {} : { message: wrong };
      report.add([{ point: point.name, fault: 'disk full', outcome, attempts, ...message }]);
      assert.equal(wrong, undefined);
    });
  }
});
