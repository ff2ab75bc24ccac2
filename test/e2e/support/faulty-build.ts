import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { WorkflowHandle } from '@temporalio/client';
import { defaultPayloadConverter } from '@temporalio/common';
import type { BaseImageInput } from '../../../src/domain/base-image-input.js';
import { workflowIdFor } from '../../../src/domain/image-kinds.js';
import { STATUS_QUERY, WORKFLOWS, type BaseImageResult } from '../../../src/domain/messages.js';
import type { BuildStatus } from '../../../src/domain/status.js';
import { checkRequest } from '../../../src/client/build-request.js';
import type { GivenParameters } from '../../../src/client/given-parameters.js';
import { getBuildHandle } from '../../../src/client/builds.js';
import { connectImageFactory, type ImageFactoryClient } from '../../../src/client/connection.js';
import type { TemporalProcess } from '../../support/temporal-process.js';
import type { WorkerProgram } from './worker-program.js';

/** Heartbeat timeout in seconds. Temporal considers a worker dead when the worker is silent for longer. */
const HEARTBEAT = 8;
/** Milliseconds for which no Temporal server runs. */
const DOWN = 3000;

type HistoryEvent = NonNullable<Awaited<ReturnType<WorkflowHandle['fetchHistory']>>['events']>[number];

/** One fault that was injected into a build, and its result. */
export interface FaultSummary {
  step: string;
  fault: string;
  /** Final state of the step, for example `done`. For the entry of the build as a whole: the status of the build. */
  result: string;
  /** Number of attempts of the step's activity. Unset when it is not known. */
  tries?: number;
  /** Seconds from the fault to the end of the step. Unset when the step has not ended. */
  seconds?: number;
}

interface Happened {
  step: string;
  fault: string;
  at: number;
}

/**
 * A build into which a test injects faults. If the build ends before the state that a method waits for, the method
 * rejects.
 */
export class FaultyBuild {
  private readonly happened: Happened[] = [];
  private readonly over: Promise<never>;
  private isOver = false;
  /**
   * The UUIDs that mark the resources of the build and of its installer run. The UUID of the installer run is added
   * when the status of the build is first read.
   */
  readonly marks = new Set<string>();

  private constructor(
    readonly uuid: string,
    private readonly factory: ImageFactoryClient,
    private readonly temporal: TemporalProcess,
    private readonly worker: WorkerProgram,
  ) {
    this.marks.add(uuid);
    this.over = this.watch();
    this.over.catch(() => undefined);
  }

  /** Starts a build with a short heartbeat timeout, so that a killed worker does not delay the build for a minute. */
  static async start(
    temporal: TemporalProcess,
    worker: WorkerProgram,
    request: { template: string; parameters: GivenParameters; cloud: string },
  ): Promise<FaultyBuild> {
    const factory = await connectImageFactory({ env: { ...process.env, TEMPORAL_ADDRESS: temporal.address } });
    const templateName = 'faults.tdl';
    const { template, cloud } = request;
    const source = { text: template, name: templateName };
    const { parameters } = checkRequest({ template: source, parameters: request.parameters });
    const uuid = randomUUID();
    const input: BaseImageInput = { uuid, template, templateName, cloud, parameters, heartbeatTimeout: HEARTBEAT };
    await factory.temporal.workflow.start(WORKFLOWS.baseImage, {
      args: [input],
      workflowId: workflowIdFor('base_image', uuid),
      taskQueue: factory.taskQueue,
    });
    return new FaultyBuild(uuid, factory, temporal, worker);
  }

  /** Prints the states of the build's steps when they change. Rejects when the build has ended. */
  private async watch(): Promise<never> {
    const seen = new Set<string>();
    for (;;) {
      await pause(1000);
      if (this.isOver) throw new Error('the test no longer watches the build');
      const running = await this.handle.describe().then(
        ({ status }) => status.name === 'RUNNING',
        () => true,
      );
      const steps = await this.steps().catch(() => []);
      for (const { name, state, startedAt, note } of steps) {
        const line = `${name} ${state}${note === undefined ? '' : `: ${note}`}`;
        if (seen.has(line)) continue;
        seen.add(line);
        say(`${new Date(startedAt).toISOString().slice(11, 19)} ${line}`);
      }
      if (running) continue;
      this.isOver = true;
      const { failure, status } = await this.status();
      throw new Error(`the build has ended: ${status} ${failure?.step ?? ''} ${failure?.message ?? ''}`);
    }
  }

  private get handle() {
    return getBuildHandle(this.factory, this.uuid);
  }

  /** Waits for `coming`. Rejects when the build ends first. */
  orEnd<T>(coming: Promise<T>): Promise<T> {
    return Promise.race([coming, this.over]);
  }

  pause(milliseconds: number): Promise<void> {
    return this.orEnd(pause(milliseconds));
  }

  /** Calls `look` until it returns a value, and returns that value. */
  async until<T>(look: () => Promise<T | undefined>): Promise<T> {
    for (;;) {
      const found = await this.orEnd(look().catch(() => undefined));
      if (found !== undefined) return found;
      await this.pause(500);
    }
  }

  status(): Promise<BuildStatus> {
    return this.factory.withTimeout(() => this.handle.query<BuildStatus>(STATUS_QUERY));
  }

  private jeosStatus(id: string): Promise<BuildStatus> {
    return this.factory.withTimeout(() =>
      this.factory.temporal.workflow.getHandle(id).query<BuildStatus>(STATUS_QUERY),
    );
  }

  private async statuses(): Promise<BuildStatus[]> {
    const status = await this.status();
    if (status.jeosWorkflowId === undefined) return [status];
    const jeos = await this.jeosStatus(status.jeosWorkflowId).catch(() => undefined);
    if (jeos === undefined) return [status];
    this.marks.add(jeos.uuid);
    return [jeos, status];
  }

  private async steps(): Promise<BuildStatus['steps']> {
    return (await this.statuses()).flatMap(({ steps }) => steps);
  }

  async isIn(step: string): Promise<boolean> {
    const steps = await this.steps().catch(() => []);
    return steps.some(({ name, state }) => name === step && state === 'running');
  }

  /** Waits until the build has a resource in a role. @returns the id of the resource */
  holds(role: string): Promise<string> {
    return this.until(async () => (await this.statuses()).find(({ resources }) => resources[role])?.resources[role]);
  }

  /**
   * Waits until a step has run for the given milliseconds.
   *
   * @throws Error when the step ends earlier
   */
  async after(step: string, milliseconds: number): Promise<{ cut(): void }> {
    await this.until(async () => (await this.isIn(step)) || undefined);
    await this.pause(milliseconds);
    if (!(await this.isIn(step))) throw new Error(`${step} was over within ${milliseconds} ms`);
    return { cut: () => undefined };
  }

  /** Waits until a step runs, and then injects a fault. */
  async strike(step: string, fault: string, act: () => Promise<void>): Promise<void> {
    await this.until(async () => (await this.isIn(step)) || undefined);
    const entry = { step, fault, at: Date.now() };
    say(`>>> ${step}: ${fault}`);
    await act();
    this.happened.push(entry);
  }

  /** Kills the worker when `caught` resolves, cuts the held call, and starts another worker. */
  async killWorker(step: string, when: string, caught: Promise<{ cut(): void }>): Promise<void> {
    const { cut } = await this.orEnd(caught);
    await this.strike(step, `SIGKILL of the worker ${when}`, async () => {
      const how = await this.worker.end('SIGKILL');
      cut();
      if (how !== 'SIGKILL') throw new Error(`the worker ended by ${how} and not by SIGKILL`);
      await this.forgetWorker();
      this.worker.start();
    });
  }

  /** Cuts the connection of a create call that Nova has performed, so that the worker never gets the reply. */
  async loseReply(step: string, caught: Promise<{ call: { status?: number }; cut(): void }>): Promise<void> {
    const { call, cut } = await this.orEnd(caught);
    await this.strike(step, `reply to the create call lost, after Nova had answered ${call.status}`, async () => cut());
  }

  /** Kills the Temporal server, and starts it again with the same database. */
  async restartTemporal(step: string): Promise<void> {
    await this.strike(step, 'SIGKILL of the Temporal server, and a start on its database', async () => {
      await this.temporal.kill();
      await this.pause(DOWN);
      await this.temporal.up();
    });
    const steps = await this.until(async () => this.steps());
    if (!steps.some(({ name, state }) => name === step && state === 'running'))
      throw new Error(`${step} was over before Temporal was back`);
  }

  /**
   * Resets the sticky task queues of all running workflows. Then the server gives the next workflow tasks to any worker
   * at once. Otherwise it would wait ten seconds for the killed worker.
   */
  private async forgetWorker(): Promise<void> {
    const { temporal: client, namespace } = this.factory;
    for await (const { workflowId } of client.workflow.list({ query: `ExecutionStatus = 'Running'` })) {
      await client.workflowService.resetStickyTaskQueue({ namespace, execution: { workflowId } });
    }
  }

  /** Stops watching the build, and closes the client. */
  close(): Promise<void> {
    this.isOver = true;
    return this.factory.close();
  }

  /** Waits for the end of the build. @returns its result */
  async result(): Promise<BaseImageResult> {
    await this.over.catch((error: unknown) => {
      if (!this.isOver) throw error;
    });
    return (await this.handle.result()) as BaseImageResult;
  }

  /**
   * Lists all injected faults with their results. The last entry is for the build as a whole. Call this after the build
   * has ended.
   */
  async summary(): Promise<FaultSummary[]> {
    const [statuses, tries] = [await this.statuses(), await this.tries()];
    const steps = statuses.flatMap((status) => status.steps);
    const { startedAt, endedAt = Date.now(), status } = await this.status();
    const summary = this.happened.map(({ step, fault, at }): FaultSummary => {
      // Both the installer run and the build have a clean-up step. The step of the build is the last one with this
      // name.
      const found = steps.findLast(({ name }) => name === step);
      const count = tries.get(found?.title ?? '');
      return {
        step,
        fault,
        result: found?.state ?? 'unknown',
        ...(count === undefined ? {} : { tries: count }),
        ...(found?.endedAt === undefined ? {} : { seconds: secondsBetween(at, found.endedAt) }),
      };
    });
    return [
      ...summary,
      { step: 'build', fault: 'all of these', result: status, tries: 1, seconds: secondsBetween(startedAt, endedAt) },
    ];
  }

  /** Reads the number of attempts of each activity, by the title of its step. */
  private async tries(): Promise<Map<string, number>> {
    const { jeosWorkflowId } = await this.status();
    const jeos = jeosWorkflowId ? [this.factory.temporal.workflow.getHandle(jeosWorkflowId)] : [];
    const workflows = [...jeos, this.handle];
    const tries = new Map<string, number>();
    for (const workflow of workflows) {
      const titles = new Map<string, string>();
      for (const event of (await workflow.fetchHistory()).events ?? []) {
        const started = event.activityTaskStartedEventAttributes;
        if (event.activityTaskScheduledEventAttributes) titles.set(String(event.eventId), titleOf(event));
        if (started) tries.set(titles.get(String(started.scheduledEventId)) ?? '', started.attempt ?? 1);
      }
    }
    return tries;
  }
}

function titleOf({ userMetadata }: HistoryEvent): string {
  return userMetadata?.summary ? defaultPayloadConverter.fromPayload<string>(userMetadata.summary) : '';
}

function secondsBetween(from: number, to: number): number {
  return Math.round((to - from) / 1000);
}

function say(line: string): void {
  process.stdout.write(`# ${new Date().toISOString().slice(11, 19)} ${line}\n`);
}
