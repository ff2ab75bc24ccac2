import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { Worker } from '@temporalio/worker';
import { TestEnv, type Build } from '../support/test-env.js';
import { testBundle } from '../support/bundle.js';
import { DuplicateWatch } from '../support/duplicate-watch.js';

const BUILDS = 10;
/**
 * Longest time in milliseconds for which a worker runs (MAX_UPTIME), and for which no worker runs (MAX_DOWNTIME). The
 * actual times are random.
 */
const MAX_UPTIME = 8000;
const MAX_DOWNTIME = 3000;

const BODY =
  '<commands><command name="c">echo once >> /root/runs; test "$(cat /root/runs)" = once</command></commands>';

describe(
  'builds whose only worker is stopped again and again, while a client queries their status',
  { timeout: 600_000 },
  () => {
    let env: TestEnv;
    let watch: DuplicateWatch;
    before(async () => {
      env = await TestEnv.start();
      watch = new DuplicateWatch(env.cloud);
    });
    after(() => env.close());

    async function restartWorkerUntil(done: Promise<unknown>): Promise<void> {
      let isOver = false;
      const end = done.finally(() => (isOver = true)).catch(() => undefined);
      while (!isOver) {
        await Promise.race([end, pause(Math.random() * MAX_UPTIME)]);
        await env.stopWorker();
        await Promise.race([end, pause(Math.random() * MAX_DOWNTIME)]);
        await env.startWorker();
      }
    }

    /**
     * Waits for the result of a build. Until then queries its status again and again, also while no worker can answer.
     */
    async function waitForEnd(build: Build): Promise<void> {
      let isOver = false;
      const polling = (async () => {
        for (; !isOver; await pause(500)) await build.handle.query('status').catch(() => undefined);
      })();
      try {
        await build.result();
      } finally {
        isOver = true;
        await polling;
      }
    }

    /** Replays the whole history with today's workflow code. */
    async function replayHistory(workflowId: string): Promise<void> {
      const history = await env.temporal.client.workflow.getHandle(workflowId).fetchHistory();
      await Worker.runReplayHistory({ workflowBundle: { codePath: await testBundle() } }, history, workflowId);
    }

    it('all end with their images, and have histories that replay', async () => {
      const builds = await Promise.all(
        Array.from({ length: BUILDS }, (_, nth) =>
          env.build(env.template({ name: `restarted-${nth}`, body: BODY }), { reuse_jeos: nth % 2 === 0 }),
        ),
      );
      const all = Promise.all(builds.map(waitForEnd));
      await Promise.all([all, restartWorkerUntil(all)]);
      assert.equal(env.images('base').length, BUILDS);
      assert.deepEqual(env.leftovers(), []);
      assert.deepEqual(watch.stop(), [], 'a build had two instances of one role at the same time');
      const queues: string[] = [];
      for await (const { workflowId } of env.temporal.client.workflow.list({ query: "WorkflowType = 'createQueue'" }))
        queues.push(workflowId);
      assert.equal(queues.length, 1);
      for (const id of [...queues, ...builds.map(({ handle }) => handle.workflowId)]) await replayHistory(id);
    });
  },
);
