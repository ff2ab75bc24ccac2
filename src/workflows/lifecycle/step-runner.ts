import { setCurrentDetails, upsertSearchAttributes, workflowInfo } from '@temporalio/workflow';
import type { SearchAttributePair } from '@temporalio/common';
import { SEARCH_ATTRIBUTES } from '../../domain/search-attributes.js';
import {
  PHASE_START_PERCENT,
  PHASES,
  type BuildStatus,
  type Phase,
  type StepStatus,
  type Waiting,
} from '../../domain/status.js';
import { call, type Budget } from './activity-options.js';
import type { Activities } from '../../activities/index.js';
import type { CreateServerInput } from '../../activities/shared/types.js';
import { describeFailure, isCanceled } from './failures.js';
import type { Deadlines } from './deadlines.js';
import { currentDetails } from './status-page.js';
import type { DeadlineName } from '../../domain/messages.js';
import type { LineOf, Place } from '../create-queue/queue-ticket.js';

/** What a step is called, and what it says. */
export interface Step<R> {
  name: string;
  title: string;
  /** Of a step that waits for a deadline: seconds that it may take beyond it, default 120. */
  budget?: Budget;
  beyond?: number;
  /** Whether it may be left out when it has failed. */
  skippable?: boolean;
  /** Whether the build goes on without it when it has failed, unless somebody decides otherwise. */
  dispensable?: boolean;
  /** One line on how it went. */
  note?: (result: R) => string | undefined;
}

/** A step that has failed, as whoever decides about it needs it. */
export interface FailedStep {
  name: string;
  title: string;
  skippable: boolean;
  /** What becomes of it where nobody decides. */
  otherwise: Verdict;
}

/** What becomes of a step that has failed. */
export type Verdict = 'retry' | 'skip' | 'fail';

type Input<K extends keyof Activities> = Parameters<Activities[K]>[0];
type Result<K extends keyof Activities> = Awaited<ReturnType<Activities[K]>>;

/**
 * The state of a build as people see it: answered to the query, shown as the run's current details in the UI, and kept in
 * the search attributes. One object a workflow, changed only by the workflow's own code.
 */
export class Board {
  readonly status: BuildStatus;
  private readonly begins: Record<Phase, number>;
  /** Steps that the phase has in all, as far as is known when it is entered, and those of them that are done. */
  private expected = 1;
  private done = 0;

  constructor(
    first: Pick<BuildStatus, 'uuid' | 'type' | 'cloud' | 'name'>,
    private readonly heartbeatTimeout: number,
    private readonly deadlines: Deadlines,
    begins: Partial<Record<Phase, number>> = {},
  ) {
    this.begins = { ...PHASE_START_PERCENT, ...begins };
    this.status = {
      ...first,
      status: 'BUILDING',
      phase: 'plan',
      percent: 0,
      os: '',
      steps: [],
      startedAt: workflowInfo().startTime.getTime(),
      resources: {},
    };
    this.show();
  }

  /** Enters a phase of about so many steps, and says so in the search attributes. */
  enter(phase: Phase, steps = 1, more: SearchAttributePair[] = []): void {
    this.status.phase = phase;
    this.expected = steps;
    this.done = 0;
    this.advance();
    upsertSearchAttributes([
      { key: SEARCH_ATTRIBUTES.phase, value: phase },
      { key: SEARCH_ATTRIBUTES.status, value: this.status.status },
      ...more,
    ]);
    this.show();
  }

  /** Decides about failed steps. */
  onFailure: (step: FailedStep, error: unknown) => Promise<Verdict> = async ({ otherwise }) => otherwise;

  /**
   * Runs an activity as a step that can be seen.
   *
   * A step that has failed may be tried again with what was changed meanwhile, so what it is (undefined: there is no such
   * step any more) and its input can be made anew for each round.
   */
  step<K extends keyof Activities>(
    step: Step<Result<K>> | (() => Step<Result<K>> | undefined),
    activity: K,
    input: Input<K> | ((round: string) => Input<K>),
  ): Promise<Result<K>> {
    return this.rounds(typeof step === 'function' ? step : () => step, (now, round) =>
      this.call(now, activity, typeof input === 'function' ? input(round) : input),
    );
  }

  /** The same for a wait under one of the deadlines, which the input gets in milliseconds since the epoch. */
  wait<K extends keyof Activities>(
    name: DeadlineName,
    step: Step<Result<K>>,
    activity: K,
    input: (deadline: number) => Input<K>,
  ): Promise<Result<K>> {
    return this.rounds(
      () => step,
      (now) =>
        this.deadlines.under(name, (deadline, left) =>
          this.call({ ...now, budget: { total: left + (now.beyond ?? 120) } }, activity, input(deadline)),
        ),
    );
  }

  /** The same for the create of an instance, each round of it in a turn of the build's own in its project's line. */
  create(
    step: Step<{ serverId: string }>,
    place: Place,
    of: LineOf,
    input: () => Omit<CreateServerInput, 'ref' | 'role' | 'queue'>,
  ): Promise<{ serverId: string }> {
    const budget = { total: of.patience + 600 };
    return this.rounds(
      () => step,
      (now) =>
        place.inTurn(of, (line) =>
          this.call({ title: now.title, budget }, 'createServer', {
            ...input(),
            ref: of.ref,
            role: of.role,
            queue: line,
          }),
        ),
    );
  }

  private call<K extends keyof Activities>(
    { title, budget }: Pick<Step<Result<K>>, 'title' | 'budget'>,
    activity: K,
    input: Input<K>,
  ): Promise<Result<K>> {
    return call(activity, [input] as Parameters<Activities[K]>, {
      summary: title,
      ...(budget === undefined ? {} : { budget }),
      heartbeatTimeout: this.heartbeatTimeout,
    });
  }

  /** Runs a step until it is done, left out, or given up. */
  private async rounds<R>(
    stepNow: () => Step<R> | undefined,
    run: (step: Step<R>, round: string) => Promise<R>,
  ): Promise<R> {
    let entry: StepStatus | undefined;
    for (let round = 0; ; round++) {
      const step = stepNow();
      if (step === undefined) return this.leaveOut(entry);
      entry = this.begin(step, entry);
      try {
        // The end of the id: its beginning is the time, which is the same for two runs of one minute.
        const result = await run(step, `${workflowInfo().runId.slice(-12)}.${round}`);
        const note = step.note?.(result);
        if (note !== undefined) entry.note = note;
        this.close(entry, 'done');
        return result;
      } catch (error) {
        if ((await this.afterFailure(step, entry, error)) === 'skip') return this.leaveOut(entry);
      }
    }
  }

  private begin<R>({ name, title }: Step<R>, earlier: StepStatus | undefined): StepStatus {
    const entry: StepStatus = { name, phase: this.status.phase, title, state: 'running', startedAt: Date.now() };
    // A step that is tried again stands where it stood.
    const index = earlier === undefined ? -1 : this.status.steps.indexOf(earlier);
    if (index < 0) this.status.steps.push(entry);
    else this.status.steps[index] = entry;
    this.show();
    return entry;
  }

  /** Only steps whose result nobody uses can be left out. */
  private leaveOut<R>(entry: StepStatus | undefined): R {
    if (entry !== undefined) this.close(entry, 'skipped');
    return undefined as R;
  }

  /** Asks what becomes of a failed step; throws what it failed with when the build fails of it. */
  private async afterFailure<R>(step: Step<R>, entry: StepStatus, error: unknown): Promise<'retry' | 'skip'> {
    this.close(entry, 'failed');
    entry.note = isCanceled(error) ? 'cancelled' : describeFailure(error).message.slice(0, 300);
    this.show();
    if (isCanceled(error)) throw error;
    const { name, title, dispensable = false, skippable = dispensable } = step;
    const verdict = await this.onFailure({ name, title, skippable, otherwise: dispensable ? 'skip' : 'fail' }, error);
    if (verdict === 'fail') throw error;
    return verdict;
  }

  /** Says at once that somebody has asked for the build's end: the step that runs may take a moment to stop. */
  canceling(): void {
    this.status.cancelRequestedAt = Date.now();
    this.show();
  }

  /** Says what the build waits for, or that it no longer does. */
  waits(waiting: Waiting | undefined): void {
    if (waiting !== undefined) this.status.waiting = waiting;
    else if (this.status.waiting === undefined) return;
    else delete this.status.waiting;
    this.show();
  }

  /** Remembers what the build has now, by role. */
  holds(role: string, id: string): void {
    this.status.resources[role] = id;
  }

  /** The name of the step that failed last, or of the one that ran last. */
  lastStep(): string {
    const failed = this.status.steps.filter((step) => step.state === 'failed').at(-1);
    return (failed ?? this.status.steps.at(-1))?.name ?? 'start';
  }

  /** Ends the build for everybody who watches. */
  end(status: BuildStatus['status'], glanceId?: string): void {
    this.status.status = status;
    this.status.endedAt = Date.now();
    if (status === 'COMPLETE') this.status.percent = 100;
    upsertSearchAttributes([
      { key: SEARCH_ATTRIBUTES.status, value: status },
      ...(glanceId === undefined ? [] : [{ key: SEARCH_ATTRIBUTES.glanceId, value: glanceId }]),
    ]);
    this.show();
  }

  /** Seconds that each finished step took. */
  timings(): Record<string, number> {
    const timings: Record<string, number> = {};
    for (const step of this.status.steps) {
      if (step.endedAt !== undefined) timings[step.name] = (step.endedAt - step.startedAt) / 1000;
    }
    return timings;
  }

  /** Puts the state on the run's page in the UI. */
  show(): void {
    setCurrentDetails(currentDetails(this.status));
  }

  private advance(): void {
    // A failed build got as far as it got.
    if (this.status.failure !== undefined) return;
    const { phase } = this.status;
    const following = PHASES[PHASES.indexOf(phase) + 1];
    const [from, to] = [this.begins[phase], following === undefined ? 100 : this.begins[following]];
    const reached = Math.floor(from + ((to - from) * Math.min(this.done, this.expected)) / (this.expected + 1));
    this.status.percent = Math.max(this.status.percent, reached);
  }

  private close(entry: StepStatus, state: StepStatus['state']): void {
    entry.state = state;
    entry.endedAt = Date.now();
    if (state !== 'failed') this.done += 1;
    this.advance();
    this.show();
  }
}
