import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import type { Deps } from '../../../src/activities/shared/context.js';
import { joinCreateQueue } from '../../../src/activities/instance/join-create-queue.js';
import { workflowIdFor } from '../../../src/domain/image-kinds.js';
import { WORKFLOWS } from '../../../src/domain/messages.js';
import { parseParameters } from '../../../src/domain/parameters.js';
import { startTemporal, withWorkers } from '../../support/temporal.js';

describe('a worker that is stopped', { timeout: 120_000 }, () => {
  let temporal: TestWorkflowEnvironment;
  before(async () => {
    temporal = await startTemporal();
  });
  after(() => temporal.teardown());

  it('does not wait for the create queue’s answer to a build, because perhaps only this worker can give it', async () => {
    const uuid = randomUUID();
    await temporal.client.workflow.start(WORKFLOWS.baseImage, {
      taskQueue: 'stopped-wait',
      workflowId: workflowIdFor('base_image', uuid),
      args: [{ uuid, template: '<template/>', templateName: 'tiny.tdl', cloud: 'c', parameters: parseParameters({}) }],
    });
    let asked = (): void => undefined;
    const asks = new Promise<void>((resolve) => (asked = resolve));
    const planBaseImage = async (): Promise<never> => {
      const ref = { uuid, cloud: 'c', workflowId: workflowIdFor('base_image', uuid) };
      const deps = { temporal: temporal.client, limits: {}, pollInterval: 500 } as unknown as Deps;
      // `joinCreateQueue` takes the name of this task queue for that of a wait lane, so it starts the create queue on
      // the task queue `stopped`. No worker polls that task queue.
      const turn = joinCreateQueue(deps, { ref, queue: { id: 'a-line', since: Date.now(), timeout: 60 } }, false);
      asked();
      throw new Error(`answered ${JSON.stringify(await turn)}`);
    };
    const stopping = withWorkers(temporal, 'stopped-wait', { planBaseImage }, () => asks, {
      // After ten seconds without an answer to the query, Temporal reports an error, and its client repeats the query.
      shutdownGraceTime: '11s',
      shutdownForceTime: '16s',
    });
    await assert.doesNotReject(stopping);
  });
});
