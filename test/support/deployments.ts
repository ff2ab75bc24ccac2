import { execFile } from 'node:child_process';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { WorkflowHandle } from '@temporalio/client';
import { DefaultLogger, bundleWorkflowCode, type WorkflowBundleWithSourceMap } from '@temporalio/worker';
import { QUEUE_KINDS } from '../../src/domain/task-queues.js';
import type { TestEnv } from './test-env.js';
import { temporalProgram } from './temporal.js';
import { until } from './until.js';

/**
 * Bundles today's workflows so that they act like those of another release: they cannot continue a history of today's
 * release.
 */
export function bundleOfNextRelease(): Promise<WorkflowBundleWithSourceMap> {
  return bundleWorkflowCode({
    workflowsPath: fileURLToPath(new URL('../../src/workflows/index.ts', import.meta.url)),
    workflowInterceptorModules: [fileURLToPath(new URL('next-release.ts', import.meta.url))],
    logger: new DefaultLogger('ERROR'),
  });
}

/** Runs the `temporal` command for the server of an environment, as its operator does. @returns its standard output */
export async function temporal(env: TestEnv, ...args: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(temporalProgram(), [...args, '--address', env.temporal.address]);
  return stdout;
}

/** The worker deployment of an environment. Its name is that of the task queue. */
export class Deployment {
  constructor(private readonly env: TestEnv) {}

  version(buildId: string): { deploymentName: string; buildId: string } {
    return { deploymentName: this.env.taskQueue, buildId };
  }

  /**
   * Makes a version the current one, on which new builds run. First waits until Temporal knows that the version's
   * workers poll every lane.
   */
  async makeCurrent(buildId: string): Promise<void> {
    // The control lane has two task queues in Temporal, for workflows and for activities. So there is one task queue
    // more than there are lanes.
    await until(
      async () => (await this.taskQueues(buildId)) === QUEUE_KINDS.length + 1,
      `all lanes of release ${buildId}`,
    );
    const { deploymentName } = this.version(buildId);
    const which = ['--deployment-name', deploymentName, '--build-id', buildId];
    const command = ['worker', 'deployment', 'set-current-version', ...which, '--yes'];
    // A busy server may know the version before it knows the version's deployment, and then the command fails. So we
    // try again.
    for (let tries = 1; ; tries++) {
      try {
        await temporal(this.env, ...command);
        return;
      } catch (error) {
        if (tries === 20) throw error;
        await pause(500);
      }
    }
  }

  private async taskQueues(buildId: string): Promise<number> {
    // The server logs an error if we describe a version that it does not know yet. So we first check whether the server
    // knows the version.
    if (!(await this.isKnown(buildId))) return 0;
    return (await this.described(buildId).catch(() => undefined))?.taskQueueInfos?.length ?? 0;
  }

  private async isKnown(buildId: string): Promise<boolean> {
    const { workflowService, options } = this.env.temporal.client;
    const { workerDeployments } = await workflowService.listWorkerDeployments({ namespace: options.namespace });
    const own = workerDeployments?.find(({ name }) => name === this.env.taskQueue);
    return own?.latestVersionSummary?.deploymentVersion?.buildId === buildId;
  }

  /** Returns Temporal's drainage status of the version, for example `draining` while builds still run on it. */
  async drainage(buildId: string): Promise<string> {
    const status = (await this.described(buildId))?.drainageInfo?.status;
    return ['unspecified', 'draining', 'drained'][Number(status ?? 0)] ?? String(status);
  }

  private async described(buildId: string) {
    const { workflowService, options } = this.env.temporal.client;
    const request = { namespace: options.namespace, deploymentVersion: this.version(buildId) };
    return (await workflowService.describeWorkerDeploymentVersion(request)).workerDeploymentVersionInfo;
  }
}

/**
 * Lists the releases whose workers have worked on a run. The key `workflow` is for workflow tasks; all other keys are
 * the task queues of activities. A worker with a version has its build id in its identity.
 */
export async function releasesOf(handle: WorkflowHandle): Promise<Record<string, string[]>> {
  const { events } = await handle.fetchHistory();
  const queues = new Map<string, string>();
  const releases = new Map<string, Set<string>>();
  const saw = (where: string, identity: string | null | undefined): void => {
    releases.set(where, (releases.get(where) ?? new Set()).add(releaseOf(identity)));
  };
  for (const event of events ?? []) {
    const task = event.workflowTaskStartedEventAttributes;
    if (task != null) saw('workflow', task.identity);
    const scheduled = event.activityTaskScheduledEventAttributes;
    if (scheduled != null) queues.set(String(event.eventId), scheduled.taskQueue?.name ?? '');
    const started = event.activityTaskStartedEventAttributes;
    if (started != null) saw(queues.get(String(started.scheduledEventId)) ?? '', started.identity);
  }
  return Object.fromEntries([...releases].map(([where, names]) => [where, [...names].sort()]));
}

/** Returns the release that worked on the last workflow task of a run. */
export async function lastReleaseOf(handle: WorkflowHandle): Promise<string | undefined> {
  const { events } = await handle.fetchHistory();
  const tasks = (events ?? []).flatMap(({ workflowTaskStartedEventAttributes: task }) => task ?? []);
  return tasks.length === 0 ? undefined : releaseOf(tasks.at(-1)?.identity);
}

/** Reads the release (build id) from a worker's identity. Returns `none` for a worker without a version. */
function releaseOf(identity: string | null | undefined): string {
  return /\((.*)\)$/.exec(identity ?? '')?.[1] ?? 'none';
}
