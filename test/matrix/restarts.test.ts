import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { Worker } from '@temporalio/worker';
import { TestEnv, type Build } from '../support/bed.js';
import { testBundle } from '../support/bundle.js';
import { OneAtATime } from '../support/one-at-a-time.js';

const BUILDS = 10;
/** Milliseconds for which a worker lives, and for which there is none: the longest, of all between. */
const LIFE = 8000;
const PAUSE = 3000;

const BODY =
  '<commands><command name="c">echo once >> /root/runs; test "$(cat /root/runs)" = once</command></commands>';

describe(
  'builds whose only worker is stopped again and again, while somebody watches them',
  { timeout: 600_000 },
  () => {
    let bed: TestEnv;
    let watch: OneAtATime;
    before(async () => {
      bed = await TestEnv.start();
      watch = new OneAtATime(bed.cloud);
    });
    after(() => bed.close());

    async function restartUntil(over: Promise<unknown>): Promise<void> {
      let isOver = false;
      const end = over.finally(() => (isOver = true)).catch(() => undefined);
      while (!isOver) {
        await Promise.race([end, pause(Math.random() * LIFE)]);
        await bed.stopWorker();
        await Promise.race([end, pause(Math.random() * PAUSE)]);
        await bed.startWorker();
      }
    }

    /** Asks it all the time, also while nobody can answer. */
    async function ended(build: Build): Promise<void> {
      let isOver = false;
      const asking = (async () => {
        for (; !isOver; await pause(500)) await build.handle.query('status').catch(() => undefined);
      })();
      try {
        await build.result();
      } finally {
        isOver = true;
        await asking;
      }
    }

    /** Its whole history, which the code of the next worker must go the way of. */
    async function replays(workflowId: string): Promise<void> {
      const history = await bed.temporal.client.workflow.getHandle(workflowId).fetchHistory();
      await Worker.runReplayHistory({ workflowBundle: { codePath: await testBundle() } }, history, workflowId);
    }

    it('all end with their images, and could all be gone on with at any moment', async () => {
      const builds = await Promise.all(
        Array.from({ length: BUILDS }, (_, nth) =>
          bed.build(bed.template({ name: `restarted-${nth}`, body: BODY }), { reuse_jeos: nth % 2 === 0 }),
        ),
      );
      const all = Promise.all(builds.map(ended));
      await Promise.all([all, restartUntil(all)]);
      assert.equal(bed.images('base').length, BUILDS);
      assert.deepEqual(bed.leftovers(), []);
      assert.deepEqual(watch.end(), [], 'two instances of one build and role at a time');
      const lines: string[] = [];
      for await (const { workflowId } of bed.temporal.client.workflow.list({ query: "WorkflowType = 'createQueue'" }))
        lines.push(workflowId);
      assert.equal(lines.length, 1);
      for (const id of [...lines, ...builds.map(({ handle }) => handle.workflowId)]) await replays(id);
    });
  },
);
