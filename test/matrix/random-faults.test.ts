import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { FaultKind } from '../fakes/openstack/core/faults.js';
import { TestEnv } from '../support/bed.js';
import { WorkerProcess } from '../support/worker-process.js';

/** `FAULT_SEED=n` runs the test with other faults, or with those of a run that failed. */
const SEED = Number(process.env['FAULT_SEED'] ?? 20_260_101);
const BUILDS = 100;
const KINDS: FaultKind[] = [
  { kind: 'status', status: 500 },
  { kind: 'status', status: 503 },
  { kind: 'status', status: 429, retryAfter: 1 },
  { kind: 'reset-before' },
  { kind: 'reset-after' },
];

describe('builds in a cloud of which every fifth call fails', () => {
  let bed: TestEnv;
  let worker: WorkerProcess;
  before(async () => {
    bed = await TestEnv.start({ worker: false });
    worker = await WorkerProcess.start(bed);
  });
  after(async () => {
    await worker?.kill();
    await bed?.close();
  });

  it('all succeed, make no instance twice, and leave nothing', { timeout: 600_000 }, async (t) => {
    t.diagnostic(`FAULT_SEED=${SEED}`);
    bed.cloud.faults.randomly({ seed: SEED, probability: 0.2, kinds: KINDS });
    const template = bed.template({
      body: '<commands><command name="a">echo a >> /root/runs; test $(wc -l &lt; /root/runs) = 1</command></commands>',
    });
    const builds = await Promise.all(
      Array.from({ length: BUILDS }, () => bed.build(template, { request_floating_ip: 'True' })),
    );
    const results = await Promise.allSettled(builds.map((build) => build.result()));
    bed.cloud.faults.clear();
    const failures = results.flatMap((result) =>
      result.status === 'rejected' ? [String((result.reason as { cause?: unknown }).cause ?? result.reason)] : [],
    );
    assert.deepEqual(failures, []);
    const { serversMade } = bed.cloud.state;
    assert.equal(serversMade.filter((name) => name.startsWith('imagefactory-installer-')).length, 1);
    assert.equal(serversMade.filter((name) => name.startsWith('imagefactory-customise-')).length, BUILDS);
    assert.deepEqual(bed.leftovers(), []);
    assert.equal(bed.images('jeos').length, 1);
    assert.equal(bed.images('base').length, BUILDS);
  });
});
