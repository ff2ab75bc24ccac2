import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Client } from '@temporalio/client';
import type { MetricMeter } from '@temporalio/common';
import { WORKFLOWS } from '../../../src/domain/messages.js';
import { METRICS } from '../../../src/domain/metrics.js';
import { BuildGauges } from '../../../src/worker/build-metrics.js';

/** A workflow in Temporal's list. */
function workflowOf(type: string, cloud: string, status = 'BUILDING'): object {
  return {
    type,
    workflowId: `${type}-${cloud}`,
    runId: 'r',
    memo: { cloud },
    typedSearchAttributes: { get: () => status },
  };
}

test('a create queue that does not answer leaves its own gauge as it is, and the other gauges are set', async () => {
  const { baseImage, createQueue } = WORKFLOWS;
  const workflows = [
    workflowOf(createQueue, 'a'),
    workflowOf(baseImage, 'a', 'HELD'),
    workflowOf(baseImage, 'b'),
    workflowOf(createQueue, 'b'),
  ];
  const query = async (id: string): Promise<number> => {
    if (id.endsWith('-a')) throw new Error('the query timed out');
    return 3;
  };
  const client = {
    withDeadline: (_: number, run: () => Promise<unknown>) => run(),
    workflow: {
      list: async function* () {
        yield* workflows;
      },
      getHandle: (id: string) => ({ query: () => query(id) }),
    },
  } as unknown as Client;
  const values: Record<string, number> = {};
  const meter = {
    createGauge: (name: string) => ({
      set: (value: number, { cloud }: { cloud: string }) => (values[`${name} ${cloud}`] = value),
    }),
  } as unknown as MetricMeter;
  const gauges = new BuildGauges(client, 'queue', ['idle'], meter);
  await gauges.start({ debug: () => undefined });
  gauges.stop();
  const { running, held, waiting } = METRICS;
  assert.deepEqual(values, {
    [`${running.name} idle`]: 0,
    [`${running.name} a`]: 1,
    [`${running.name} b`]: 1,
    [`${held.name} idle`]: 0,
    [`${held.name} a`]: 1,
    [`${held.name} b`]: 0,
    [`${waiting.name} idle`]: 0,
    [`${waiting.name} b`]: 3,
  });
});
