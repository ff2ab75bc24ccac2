import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { WorkflowHandle } from '@temporalio/client';
import { defaultPayloadConverter } from '@temporalio/common';
import { baseImageWorkflowId, type BaseImageInput } from '../../../src/domain/base-image-input.js';
import { STATUS_QUERY, WORKFLOWS, type BaseImageResult } from '../../../src/domain/messages.js';
import type { BuildStatus } from '../../../src/domain/status.js';
import { checkRequest, type GivenParameters } from '../../../src/client/build-request.js';
import { getBuildHandle } from '../../../src/client/builds.js';
import { connectImageFactory, type ImageFactoryClient } from '../../../src/client/connection.js';
import type { TemporalProcess } from '../../support/temporal-process.js';
import type { WorkerProgram } from './worker-program.js';

/** Seconds after which a worker that says nothing more is taken for dead. */
const HEARTBEAT = 8;
/** Milliseconds for which the Temporal server is away. */
const DOWN = 3000;

type HistoryEvent = NonNullable<Awaited<ReturnType<WorkflowHandle['fetchHistory']>>['events']>[number];

/** One thing that happened to a build, and what came of it. */
export interface FaultSummary {
  step: string;
  fault: string;
  /** Of the step: `done`, or how else it went. */
  result: string;
  /** How many tries the step took in all. */
  tries?: number;
  /** From the fault to the end of the step. */
  seconds?: number;
}

interface Happened {
  step: string;
  fault: string;
  at: number;
}

/** A build to which things are done. Whatever waits for a moment in its life fails when it ends before. */
export class FaultyBuild {
  private readonly happened: Happened[] = [];
  private readonly over: Promise<never>;
  private isOver = false;
  /** The UUIDs that mark what the build and its installer's run have made, as far as they are known. */
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

  /** Starts a build with a heartbeat timeout that does not make a dead worker cost a minute. */
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
      workflowId: baseImageWorkflowId(uuid),
      taskQueue: factory.taskQueue,
    });
    return new FaultyBuild(uuid, factory, temporal, worker);
  }

  /** Ends with the build, and prints its steps as they come. */
  private async watch(): Promise<never> {
    const seen = new Set<string>();
    for (;;) {
      await pause(1000);
      if (this.isOver) throw new Error('nobody looks at the build any more');
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

  /** What comes, unless the build ends first. */
  orEnd<T>(coming: Promise<T>): Promise<T> {
    return Promise.race([coming, this.over]);
  }

  pause(milliseconds: number): Promise<void> {
    return this.orEnd(pause(milliseconds));
  }

  /** What the look answers, as soon as it answers something. */
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

  /** The id of what the build has in a role. */
  holds(role: string): Promise<string> {
    return this.until(async () => (await this.statuses()).find(({ resources }) => resources[role])?.resources[role]);
  }

  /** Resolves so many milliseconds after a step has begun, if it still runs. */
  async after(step: string, milliseconds: number): Promise<{ cut(): void }> {
    await this.until(async () => (await this.isIn(step)) || undefined);
    await this.pause(milliseconds);
    if (!(await this.isIn(step))) throw new Error(`${step} was over within ${milliseconds} ms`);
    return { cut: () => undefined };
  }

  /** Does something to a step that runs. */
  async strike(step: string, fault: string, act: () => Promise<void>): Promise<void> {
    await this.until(async () => (await this.isIn(step)) || undefined);
    const entry = { step, fault, at: Date.now() };
    say(`>>> ${step}: ${fault}`);
    await act();
    this.happened.push(entry);
  }

  /** Kills the worker when it has come there, and starts another. */
  async killWorker(step: string, when: string, caught: Promise<{ cut(): void }>): Promise<void> {
    const { cut } = await this.orEnd(caught);
    await this.strike(step, `SIGKILL of the worker ${when}`, async () => {
      const how = await this.worker.end('SIGKILL');
      cut();
      if (how !== 'SIGKILL') throw new Error(`the worker ended by ${how}`);
      await this.forgetWorker();
      this.worker.start();
    });
  }

  /** Cuts the connection over which the answer would come to a call that Nova has done. */
  async loseReply(step: string, caught: Promise<{ call: { status?: number }; cut(): void }>): Promise<void> {
    const { call, cut } = await this.orEnd(caught);
    await this.strike(step, `reply to the create call lost, after Nova had answered ${call.status}`, async () => cut());
  }

  /** Kills the Temporal server, and starts it on its database. */
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

  /** Has the server give the workflows' next tasks to any worker, instead of waiting ten seconds for the dead one. */
  private async forgetWorker(): Promise<void> {
    const { temporal: client, namespace } = this.factory;
    for await (const { workflowId } of client.workflow.list({ query: `ExecutionStatus = 'Running'` })) {
      await client.workflowService.resetStickyTaskQueue({ namespace, execution: { workflowId } });
    }
  }

  /** Looks at it no longer. */
  close(): Promise<void> {
    this.isOver = true;
    return this.factory.close();
  }

  /** How the build ends. */
  async result(): Promise<BaseImageResult> {
    await this.over.catch((error: unknown) => {
      if (!this.isOver) throw error;
    });
    return (await this.handle.result()) as BaseImageResult;
  }

  /** What has happened and what came of it, and at the end how the build went. It must have ended. */
  async summary(): Promise<FaultSummary[]> {
    const [statuses, tries] = [await this.statuses(), await this.tries()];
    const steps = statuses.flatMap((status) => status.steps);
    const { startedAt, endedAt = Date.now(), status } = await this.status();
    const summary = this.happened.map(({ step, fault, at }): FaultSummary => {
      // Of the two clean-ups the build's own, which comes last.
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

  /** How many tries each activity took, by the title of its step. */
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
