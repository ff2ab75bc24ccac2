import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, beforeEach, describe, it } from 'node:test';
import type { CloudSweep, SweepInput, SweepResult } from '../../../src/build/messages.js';
import { expiryMarks } from '../../../src/build/names.js';
import type { SweepLimits } from '../../../src/build/sweep.js';
import { Bed, type Build } from '../../support/bed.js';

const HOUR = 3_600_000;
const LIMITS: SweepLimits = { olderThan: 3600, jeosKeep: 10, unusedFor: 30 * 86_400 };

describe('the sweeper', () => {
  let bed: Bed;
  let versions = 0;
  before(async () => {
    bed = await Bed.start();
  });
  after(() => bed.close());
  beforeEach(() => {
    versions = 0;
  });

  async function sweep(limits: Partial<SweepLimits> = {}, dryRun = false): Promise<CloudSweep> {
    const input: SweepInput = { clouds: ['envvars'], limits: { ...LIMITS, ...limits }, dryRun };
    const { clouds } = await bed.temporal.client.workflow.execute<(given: SweepInput) => Promise<SweepResult>>(
      'sweep',
      {
        taskQueue: bed.taskQueue,
        workflowId: `sweep-${randomUUID()}`,
        args: [input],
      },
    );
    const [result] = clouds;
    assert.ok(result !== undefined);
    assert.equal(result.failure, undefined);
    return result;
  }

  /** Makes everything that is in the cloud now older. */
  function age(hours: number): void {
    const { servers, images, keyPairs, floatingIps, securityGroups, ports } = bed.cloud.state;
    for (const things of [servers, keyPairs, floatingIps, securityGroups, ports]) {
      for (const thing of things.values()) thing.created -= hours * HOUR;
    }
    for (const image of images.values()) {
      image.createdAt -= hours * HOUR;
      const used = image.properties['imagefactory_used'];
      if (used !== undefined)
        image.properties['imagefactory_used'] = new Date(Date.parse(used) - hours * HOUR).toISOString();
    }
  }

  /** A build with a JEOS of its own, terminated in a step: Temporal runs no clean-up then. */
  async function terminated(step: string, parameters: Record<string, unknown> = {}): Promise<Build> {
    const build = await bed.build(bed.template({ name: `t-${step.replace('.', '-')}-${versions++}` }), {
      reuse_jeos: false,
      ...parameters,
    });
    await build.reaches(step);
    const { jeosWorkflowId } = await build.status();
    await build.handle.terminate('by the test');
    if (step === 'jeos') await bed.temporal.client.workflow.getHandle(jeosWorkflowId ?? '').terminate('by the test');
    return build;
  }

  it('removes what terminated builds have left, in whatever state they were', async () => {
    await terminated('jeos');
    await terminated('ssh', { request_floating_ip: true });
    await terminated('base.snapshot');
    assert.notDeepEqual(bed.leftovers(), []);
    const seen: string[] = [];
    // What was under way when a build was terminated may appear late.
    for (let runs = 0; runs < 20 && (bed.leftovers().length > 0 || runs === 0); runs++) {
      age(25);
      const { things } = await sweep();
      seen.push(...things.filter(({ outcome }) => outcome === 'removed').map(({ kind }) => kind));
    }
    assert.deepEqual(bed.leftovers(), []);
    for (const kind of ['instance', 'floating IP', 'security group', 'key pair', 'image'])
      assert.ok(seen.includes(kind), kind);
  });
  void expiryMarks;
});
