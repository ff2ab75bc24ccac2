import type { Client } from '@temporalio/client';
import type { CloudLimits } from '../activities/shared/context.js';
import { RateLimiter } from '../openstack/http/rate-limiter.js';

/** Milliseconds between two looks at how many workers there are. */
const REFRESH = 5000;
/** Milliseconds after which a worker that has not asked for work has gone; one that is there asks every minute. */
const GONE = 120_000;
/** TASK_QUEUE_TYPE_ACTIVITY */
const ACTIVITIES = 2;

/**
 * This worker's part of the calls that each cloud is to get: the limits hold for all workers of a task queue together, and
 * each takes an equal part. Nobody has to hand out anything: Temporal knows who polls.
 */
export class CallBudget {
  private readonly rateLimiters = new Map<string, RateLimiter>();
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly limits: CloudLimits) {
    for (const [cloud, { apiCallsPerSecond }] of Object.entries(limits)) {
      if (apiCallsPerSecond !== undefined) this.rateLimiters.set(cloud, new RateLimiter(apiCallsPerSecond));
    }
  }

  /** Undefined: the cloud's calls are not limited. */
  rateLimiterFor = (cloud: string): RateLimiter | undefined => this.rateLimiters.get(cloud);

  /** Shares with the workers that there are, from now on until it is stopped. */
  async start(client: Client, taskQueue: string, identity: string): Promise<void> {
    if (this.rateLimiters.size === 0) return;
    const share = async (): Promise<void> => {
      const workers = await listPollers(client, taskQueue).catch(() => undefined);
      // Who has not polled yet is one of them all the same; without Temporal's answer the parts stay.
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

/** The workers that poll a task queue, by their identities. */
async function listPollers(client: Client, taskQueue: string): Promise<Set<string>> {
  const { pollers: found } = await client.workflowService.describeTaskQueue({
    namespace: client.options.namespace,
    taskQueue: { name: taskQueue },
    taskQueueType: ACTIVITIES,
  });
  const living = (found ?? []).filter(({ lastAccessTime }) => {
    return Date.now() - Number(lastAccessTime?.seconds ?? 0) * 1000 < GONE;
  });
  return new Set(living.map(({ identity }) => identity ?? ''));
}
