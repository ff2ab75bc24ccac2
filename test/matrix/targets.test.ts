import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, open, readdir, readFile, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { STATUS_QUERY } from '../../src/domain/messages.js';
import type { BuildRecord } from '../../src/domain/record.js';
import type { BuildStatus } from '../../src/domain/status.js';
import type { FakeImage } from '../fakes/openstack/state.js';
import { fillDisk, mayMount } from '../support/full-disk.js';
import { Report, findAttempt } from '../support/matrix/report.js';
import { StoppedQemu } from '../support/matrix/stopped-qemu.js';
import {
  TARGET_FAULTS,
  TARGET_POINTS,
  type TargetInjection,
  type TargetPoint,
} from '../support/matrix/target-points.js';
import { readRecord as readRecordOf, startTarget, type TargetHandle } from '../support/target-builds.js';
import { failureOf, TestEnv } from '../support/test-env.js';
import { until } from '../support/until.js';
import { WorkerProcess } from '../support/worker-process.js';

const run = promisify(execFile);

/** Seconds without a heartbeat after which Temporal considers a worker dead. */
const HEARTBEAT_TIMEOUT = 2;
/** Milliseconds after which the disk has free space again. */
const FULL_FOR = 1000;

/** A point at which a target image is held. */
interface Held {
  /** The output of qemu-img, where there is one. */
  file: string;
  /** The id of qemu-img's process, where it runs. */
  pid?: number;
  release(how: 'go' | 'cut'): Promise<void> | void;
}

describe('a target image with a fault at one of its steps', { skip: !mayMount }, () => {
  let env: TestEnv;
  let qemu: StoppedQemu;
  let worker: WorkerProcess;
  let base: BuildRecord;
  let source: FakeImage;
  const { PATH } = process.env;
  const report = new Report('targets');

  before(async () => {
    env = await TestEnv.start({ worker: false });
    await run('mount', ['-t', 'tmpfs', '-o', 'size=192m,mode=700', 'imagefactory-test', env.storage]);
    qemu = await StoppedQemu.create();
    process.env['PATH'] = qemu.path;
    worker = await WorkerProcess.start(env);
    const { uuid } = await (await env.build(env.template({ name: 'base' }))).result();
    base = await readRecord(uuid);
    source = env.cloud.state.images.get(base.glance_id ?? '') as FakeImage;
  });
  after(async () => {
    process.env['PATH'] = PATH;
    await report.save();
    await worker?.kill();
    if (env !== undefined) await run('umount', ['-l', env.storage]);
    await qemu?.remove();
    await env?.close();
  });

  const readRecord = (uuid: string): Promise<BuildRecord> => readRecordOf(env, uuid);

  const start = (uuid: string) =>
    startTarget(env, { uuid, target: 'qcow2', baseImage: base.identifier, heartbeatTimeout: HEARTBEAT_TIMEOUT });

  /** Prepares to hold the next target image at a point. Returns a function that waits until it is held there. */
  async function hold({ at }: TargetPoint, uuid: string): Promise<() => Promise<Held>> {
    if (at === 'written') {
      const isWritten = async (): Promise<boolean> =>
        (await readRecord(uuid).catch(() => undefined))?.status === 'COMPLETE';
      return async () => {
        await until(isWritten, 'the record is complete');
        return { file: '', release: () => undefined };
      };
    }
    if ('subcommand' in at) return qemu.holdNext(at.subcommand);
    return () =>
      new Promise((resolve) => {
        const decide = (): Promise<'go' | 'cut'> =>
          new Promise((release) => resolve({ file: '', release: (how) => release(how) }));
        env.cloud.faults.add({ match: at.call, after: at.nth - 1, kind: 'held', when: 'before', decide });
      });
  }

  async function restartWorker(): Promise<void> {
    const { client } = env.temporal;
    const query = `ExecutionStatus = 'Running' AND TaskQueue = '${env.taskQueue}'`;
    for await (const { workflowId } of client.workflow.list({ query })) {
      const { namespace } = client.options;
      await client.workflowService.resetStickyTaskQueue({ namespace, execution: { workflowId } });
    }
    worker = await WorkerProcess.start(env);
  }

  /** Does what a fault does while the target image is held. */
  async function injectHeld(fault: string, { file, pid, release }: Held): Promise<void> {
    switch (fault) {
      case 'SIGKILL':
        await worker.kill();
        await release('cut');
        if (pid !== undefined) await until(() => !existsSync(`/proc/${pid}/exe`), 'qemu-img ends with its worker');
        return restartWorker();
      case 'SIGTERM': {
        const stopped = worker.stop();
        await release('go');
        await stopped;
        return restartWorker();
      }
      case 'disk full':
        await fillDisk(env.storage);
        setTimeout(() => void rm(join(env.storage, 'filler'), { force: true }), FULL_FOR);
        assert.equal((await statfs(env.storage)).bavail, 0);
        break;
      case 'bit flipped':
        await flipBit(file);
        break;
      case 'base evicted':
        await clearCache();
        break;
      case 'base deleted':
        env.cloud.state.images.delete(source.id);
        break;
    }
    await release('go');
  }

  /** Starts a target image, and injects the fault at the point. */
  async function startWithFault(point: TargetPoint, injection: TargetInjection, uuid: string): Promise<TargetHandle> {
    const { at } = point;
    if (injection === 'killed') {
      if (at !== 'written' && 'subcommand' in at) await qemu.killNext(at.subcommand);
      return start(uuid);
    }
    if (injection === 'killed in the download') {
      env.cloud.faults.add({ match: { path: /\/file$/ }, kind: 'slow-body', bytes: 20_000, ms: 50 });
      const handle = await start(uuid);
      await until(async () => (await listCache()).some((name) => name.endsWith('.part')), 'the download has begun');
      await worker.kill();
      await restartWorker();
      return handle;
    }
    if ('call' in injection) {
      if (at !== 'written' && 'call' in at)
        env.cloud.faults.add({ match: at.call, after: at.nth - 1, ...injection.call });
      return start(uuid);
    }
    const waitForHold = hold(point, uuid).then((wait) => wait());
    const handle = await start(uuid);
    await injectHeld(injection.held, await waitForHold);
    return handle;
  }

  async function flipBit(path: string): Promise<void> {
    const file = await open(path, 'r+');
    try {
      // The data of a qcow2 are behind its tables.
      const byte = Buffer.alloc(1);
      const { size } = await file.stat();
      await file.read(byte, 0, 1, size - 4096);
      byte.writeUInt8(byte.readUInt8(0) ^ 1, 0);
      await file.write(byte, 0, 1, size - 4096);
    } finally {
      await file.close();
    }
  }

  const cache = (): string => join(env.storage, 'cache', 'images');
  const listCache = async (): Promise<string[]> => readdir(cache()).catch(() => []);

  async function clearCache(): Promise<void> {
    for (const name of await listCache()) if (name.includes('.')) await rm(join(cache(), name));
  }

  async function listNames(folder: string): Promise<string[]> {
    return readdir(folder).catch(() => []);
  }

  /** Asserts that nothing is left of a target image that has ended, besides its record, its body and documents. */
  async function checkNothingLeft(uuid: string): Promise<void> {
    assert.deepEqual(await listNames(join(env.storage, `${uuid}.d`, 'work')), [], 'work files');
    assert.deepEqual((await listCache()).filter((name) => name.endsWith('.part')), [], 'downloads'); // prettier-ignore
    assert.deepEqual(await listNames(join(env.storage, 'space')), [], 'space');
    assert.deepEqual(await listNames(join(cache(), 'space')), [], 'space in the cache');
    assert.deepEqual(await listNames(join(cache(), 'leases')), [], 'leases');
    assert.deepEqual(env.leftovers(), []);
  }

  async function checkBuilt(handle: TargetHandle, uuid: string): Promise<void> {
    const { body, disk } = await handle.result();
    const record = await readRecord(uuid);
    assert.equal(record.status, 'COMPLETE');
    assert.equal(createHash('sha256').update(await readFile(body)).digest('hex'), record.sha256); // prettier-ignore
    assert.equal(record.sha256, disk.sha256);
    await run('qemu-img', ['compare', '-f', 'qcow2', '-F', 'qcow2', source.file ?? '', body]);
  }

  async function checkFailed(handle: TargetHandle, uuid: string, message: RegExp): Promise<string> {
    const failure = await failureOf(handle.result());
    assert.match(failure.message, message);
    assert.equal((await readRecord(uuid)).status, 'FAILED');
    assert.equal(existsSync(join(env.storage, `${uuid}.body`)), false, 'a body was published');
    return failure.message;
  }

  for (const { name: fault, injection, at } of TARGET_FAULTS) {
    for (const point of TARGET_POINTS as readonly TargetPoint[]) {
      const expects = at[point.name as keyof typeof at];
      if (expects === undefined) continue;
      const ends = expects === 'built' ? 'is complete' : `fails with ${expects.source}`;
      it(`${ends}: ${point.name}, ${fault}`, async () => {
        const uuid = randomUUID();
        await clearCache();
        const cell = { point: point.name, fault, attempts: 0 };
        try {
          const handle = await startWithFault(point, injection, uuid);
          const message = expects === 'built' ? undefined : await checkFailed(handle, uuid, expects);
          if (expects === 'built') await checkBuilt(handle, uuid);
          await checkNothingLeft(uuid);
          const { steps } = await handle.query<BuildStatus>(STATUS_QUERY);
          const title = steps.find(({ name }) => name === point.step)?.title;
          const attempts = findAttempt((await handle.fetchHistory()).events ?? [], title);
          const outcome = message === undefined ? ('built' as const) : ('failed' as const);
          report.add([{ ...cell, attempts, outcome, ...(message === undefined ? {} : { message }) }]);
        } catch (error) {
          report.add([{ ...cell, outcome: 'red', message: (error as Error).message }]);
          throw error;
        } finally {
          env.cloud.faults.clear();
          env.cloud.state.images.set(source.id, source);
          await rm(join(env.storage, `${uuid}.body`), { force: true });
          await mkdir(cache(), { recursive: true });
        }
      });
    }
  }
});
