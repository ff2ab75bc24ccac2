import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { FaultKind } from '../fakes/openstack/core/faults.js';
import { TestEnv } from '../support/test-env.js';
import { WorkerProcess } from '../support/worker-process.js';

/**
 * Seed of the random faults. To get other faults, or to repeat the faults of a failed run, set `FAULT_SEED` to a
 * number.
 */
const SEED = Number(process.env['FAULT_SEED'] ?? 20_260_101);
const BUILDS = 100;
const KINDS: FaultKind[] = [
  { kind: 'status', status: 500 },
  { kind: 'status', status: 503 },
  { kind: 'status', status: 429, retryAfter: 1 },
  { kind: 'reset-before' },
  { kind: 'reset-after' },
];

describe('builds in a cloud in which one of five calls fails', () => {
  let env: TestEnv;
  let worker: WorkerProcess;
  before(async () => {
    env = await TestEnv.start({ worker: false });
    worker = await WorkerProcess.start(env);
  });
  after(async () => {
    await worker?.kill();
    await env?.close();
  });

  it('all succeed, create no instance twice, and leave nothing', { timeout: 600_000 }, async (t) => {
    t.diagnostic(`FAULT_SEED=${SEED}`);
    env.cloud.faults.addRandom({ seed: SEED, probability: 0.2, kinds: KINDS });
    const template = env.template({
      body: '<commands><command name="a">echo a >> /root/runs; test $(wc -l &lt; /root/runs) = 1</command></commands>',
    });
    const builds = await Promise.all(
      Array.from({ length: BUILDS }, () => env.build(template, { request_floating_ip: 'True' })),
    );
    const results = await Promise.allSettled(builds.map((build) => build.result()));
    env.cloud.faults.clear();
    const failures = results.flatMap((result) =>
      result.status === 'rejected' ? [String((result.reason as { cause?: unknown }).cause ?? result.reason)] : [],
    );
    assert.deepEqual(failures, []);
    const { serversMade } = env.cloud.state;
    assert.equal(serversMade.filter((name) => name.startsWith('imagefactory-installer-')).length, 1);
    assert.equal(serversMade.filter((name) => name.startsWith('imagefactory-customise-')).length, BUILDS);
    assert.deepEqual(env.leftovers(), []);
    assert.equal(env.images('jeos').length, 1);
    assert.equal(env.images('base').length, BUILDS);
  });
});
