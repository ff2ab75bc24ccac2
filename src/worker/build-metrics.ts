import { WorkflowNotFoundError, type Client, type WorkflowExecutionInfo } from '@temporalio/client';
import type { MetricMeter } from '@temporalio/common';
import type { Logger } from '@temporalio/worker';
import { METRICS } from '../domain/metrics.js';
import { QUEUE_LENGTH_QUERY, WORKFLOWS } from '../domain/messages.js';
import { SEARCH_ATTRIBUTES } from '../domain/search-attributes.js';

/** Milliseconds between two reads. */
const INTERVAL = 15_000;
/** Milliseconds that the calls of one read may take. */
const TIMEOUT = 10_000;

const GAUGES = ['running', 'held', 'waiting'] as const;
/** The values of the gauges in one cloud. `waiting` is undefined when it was not read: its gauge keeps its value. */
interface Counts {
  running: number;
  held: number;
  waiting: number | undefined;
}

/**
 * Serves the gauges of builds: how many run, are held, and wait in the create queue, by cloud. It reads them from
 * Temporal. So every worker of a task queue serves the same values, and a worker that has just started serves them too.
 * The metrics of ended builds come from the workflows: see `BuildStatusModel`.
 */
export class BuildGauges {
  private timer: NodeJS.Timeout | undefined;
  private isStopped = false;
  private readonly clouds: Set<string>;

  /** @param clouds the clouds whose gauges are served also while no build runs there */
  constructor(
    private readonly client: Client,
    private readonly taskQueue: string,
    clouds: Iterable<string>,
    private readonly meter: MetricMeter,
  ) {
    this.clouds = new Set(clouds);
  }

  /** Reads the gauges now, and again every {@link INTERVAL} milliseconds until `stop`. Returns after the first read. */
  async start(logger: Pick<Logger, 'debug'>): Promise<void> {
    // When Temporal does not answer, the gauges keep their values. TemporalWatch logs the outage.
    await this.read(logger).catch((error: unknown) => {
      logger.debug('The gauges of builds were not read', { error });
    });
    if (this.isStopped) return;
    this.timer = setTimeout(() => void this.start(logger), INTERVAL);
    this.timer.unref();
  }

  stop(): void {
    this.isStopped = true;
    clearTimeout(this.timer);
  }

  private async read(logger: Pick<Logger, 'debug'>): Promise<void> {
    const counts = await this.client.withDeadline<Map<string, Counts>>(Date.now() + TIMEOUT, () => this.count(logger));
    for (const cloud of counts.keys()) this.clouds.add(cloud);
    for (const key of GAUGES) {
      const gauge = this.meter.createGauge(METRICS[key].name, 'int', undefined, METRICS[key].help);
      for (const cloud of this.clouds) {
        const value = counts.has(cloud) ? counts.get(cloud)?.[key] : 0;
        if (value !== undefined) gauge.set(value, { cloud });
      }
    }
  }

  private async count(logger: Pick<Logger, 'debug'>): Promise<Map<string, Counts>> {
    const counts = new Map<string, Counts>();
    const types = [WORKFLOWS.baseImage, WORKFLOWS.jeosImage, WORKFLOWS.createQueue];
    const query = [
      `TaskQueue = '${this.taskQueue}'`,
      `ExecutionStatus = 'Running'`,
      `WorkflowType IN (${types.map((type) => `'${type}'`).join(', ')})`,
    ].join(' AND ');
    const queues: Promise<void>[] = [];
    for await (const workflow of this.client.workflow.list({ query })) {
      const cloud = String(workflow.memo?.['cloud'] ?? 'unknown');
      const inCloud = counts.get(cloud) ?? { running: 0, held: 0, waiting: 0 };
      counts.set(cloud, inCloud);
      if (workflow.type === WORKFLOWS.createQueue) queues.push(this.addQueue(workflow, inCloud, logger));
      else inCloud.running += 1;
      if (workflow.typedSearchAttributes.get(SEARCH_ATTRIBUTES.status) === 'HELD') inCloud.held += 1;
    }
    await Promise.all(queues);
    return counts;
  }

  /**
   * Adds the workflows that wait in a create queue. A queue that has just ended has none. When the worker does not
   * answer, the other gauges are served all the same.
   */
  private async addQueue(
    { workflowId, runId }: WorkflowExecutionInfo,
    inCloud: Counts,
    logger: Pick<Logger, 'debug'>,
  ): Promise<void> {
    try {
      const length = await this.client.workflow.getHandle(workflowId, runId).query<number>(QUEUE_LENGTH_QUERY);
      if (inCloud.waiting !== undefined) inCloud.waiting += length;
    } catch (error) {
      if (error instanceof WorkflowNotFoundError) return;
      inCloud.waiting = undefined;
      logger.debug('The length of a create queue was not read', { workflowId, error });
    }
  }
}

/**
 * Serves the counters of ended builds with the value 0, until the first build has ended. Otherwise a query for the rate
 * of failed builds has no value for them.
 *
 * @param tags the tags that the SDK adds to the metrics of workflows, other than `workflow_type`
 */
export function serveZeros(clouds: Iterable<string>, meter: MetricMeter, tags: Record<string, string>): void {
  const { ended, leftovers } = METRICS;
  const own = { ...tags, workflow_type: WORKFLOWS.baseImage, type: 'base_image' };
  const builds = meter.createCounter(ended.name, undefined, ended.help);
  const left = meter.createCounter(leftovers.name, undefined, leftovers.help);
  for (const cloud of clouds) {
    for (const status of ['COMPLETE', 'FAILED', 'CANCELED']) builds.add(0, { ...own, cloud, status });
    left.add(0, { ...own, cloud });
  }
}
