import type { Client } from '@temporalio/client';
import type { CloudLimits } from '../activities/shared/context.js';
import { RateLimiter } from '../http/rate-limiter.js';

/** Milliseconds between two counts of the workers. */
const REFRESH = 5000;
/** Milliseconds without a poll after which a worker counts as stopped. A running worker polls at least every minute. */
const GONE = 120_000;
/** The value of TASK_QUEUE_TYPE_ACTIVITY in Temporal's API. */
const ACTIVITIES = 2;

/**
 * This worker's share of each cloud's call limit. A limit applies to all workers of a task queue together, and each
 * worker takes an equal share. Each worker counts the workers in Temporal's list of the task queue's pollers, so the
 * workers need no coordinator.
 */
export class CallBudget {
  private readonly rateLimiters = new Map<string, RateLimiter>();
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly limits: CloudLimits) {
    for (const [cloud, { apiCallsPerSecond }] of Object.entries(limits)) {
      if (apiCallsPerSecond !== undefined) this.rateLimiters.set(cloud, new RateLimiter(apiCallsPerSecond));
    }
  }

  /** Returns the rate limiter of a cloud; undefined when the cloud's calls are not limited. */
  rateLimiterFor = (cloud: string): RateLimiter | undefined => this.rateLimiters.get(cloud);

  /**
   * Computes this worker's share from the number of workers: at once, and again every {@link REFRESH} milliseconds
   * until `stop`.
   */
  async start(client: Client, taskQueue: string, identity: string): Promise<void> {
    if (this.rateLimiters.size === 0) return;
    const share = async (): Promise<void> => {
      const workers = await listPollers(client, taskQueue).catch(() => undefined);
      // We always add this worker, because it is not in the list before its first poll. When Temporal does not answer,
      // the shares stay as they are.
      if (workers !== undefined) this.divide(workers.add(identity).size);
    };
    await share();
    this.timer = setInterval(() => void share(), REFRESH);
    this.timer.unref();
  }

  stop(): void {
    clearInterval(this.timer);
  }

  private divide(workers: number): void {
    for (const [cloud, pace] of this.rateLimiters) pace.setRate((this.limits[cloud]?.apiCallsPerSecond ?? 1) / workers);
  }
}

/** Lists the identities of the workers that poll a task queue. */
async function listPollers(client: Client, taskQueue: string): Promise<Set<string>> {
  const { pollers: found } = await client.workflowService.describeTaskQueue({
    namespace: client.options.namespace,
    taskQueue: { name: taskQueue },
    taskQueueType: ACTIVITIES,
  });
  const recent = (found ?? []).filter(({ lastAccessTime }) => {
    return Date.now() - Number(lastAccessTime?.seconds ?? 0) * 1000 < GONE;
  });
  return new Set(recent.map(({ identity }) => identity ?? ''));
}
