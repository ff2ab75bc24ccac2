import { workflowInfo } from '@temporalio/workflow';
import type { Activities } from '../../activities/functions.js';
import type { DeadlineName } from '../../domain/messages.js';
import type { StepStatus } from '../../domain/status.js';
import { callActivity, type Budget, type CallOptions } from './activity-options.js';
import type { BuildStatusModel } from './build-status.js';
import type { Deadlines } from './deadlines.js';
import { describeFailure, isCanceled } from './failures.js';

/** A step of a build: its name, its title for people, and its limits. */
export interface Step<R> {
  name: string;
  title: string;
  budget?: Budget;
  /**
   * Only for a step that waits for a deadline: the seconds that its activity may take beyond the deadline. Default 120.
   */
  graceSeconds?: number;
  /** Whether a user may skip the step after it failed. Default: the value of `optional`. */
  skippable?: boolean;
  /** Whether the build goes on without the step after it failed, unless a user decides otherwise. Default false. */
  optional?: boolean;
  /** Returns one line on how the step went; undefined when there is nothing to say. */
  note?: (result: R) => string | undefined;
}

/** A failed step, and the decision that applies to it when no user makes one. */
export interface FailedStep {
  name: string;
  title: string;
  skippable: boolean;
  /** The decision when no user makes one. */
  defaultDecision: FailureDecision;
}

/** How a build goes on after a step failed: the step runs again, the build goes on without it, or the build fails. */
export type FailureDecision = 'retry' | 'skip' | 'fail';

/** Decides how a build goes on after a step failed. */
export type DecideFailure = (step: FailedStep, error: unknown) => Promise<FailureDecision>;

type Input<K extends keyof Activities> = Parameters<Activities[K]>[0];
type Result<K extends keyof Activities> = Awaited<ReturnType<Activities[K]>>;

/** Runs the steps of a build in rounds: a step that failed runs again, is skipped, or fails the build. */
export class StepRunner {
  constructor(
    private readonly status: BuildStatusModel,
    private readonly deadlines: Deadlines,
    /** Seconds without a heartbeat after which Temporal tries an activity again. */
    private readonly heartbeatTimeout: number,
    private readonly decideFailure: DecideFailure,
  ) {}

  /**
   * Runs an activity as a step.
   * @param step the step, or a function that returns the step anew for each round, because a user may have changed the
   *   plan since the last round. The function returns undefined when the plan no longer has the step; then the runner
   *   skips it.
   * @param input the activity's input, or a function that returns the input anew for each round
   */
  run<K extends keyof Activities>(
    step: Step<Result<K>> | (() => Step<Result<K>> | undefined),
    activity: K,
    input: Input<K> | ((round: string) => Input<K>),
  ): Promise<Result<K>> {
    return this.runRounds(typeof step === 'function' ? step : () => step, ({ title, budget }, round) =>
      this.call(activity, typeof input === 'function' ? input(round) : input, { summary: title, budget }),
    );
  }

  /**
   * Runs an activity that waits for a deadline, as a step.
   * @param input returns the activity's input; its argument is the deadline, in milliseconds since the epoch
   */
  runWithDeadline<K extends keyof Activities>(
    deadline: DeadlineName,
    step: Step<Result<K>>,
    activity: K,
    input: (deadline: number) => Input<K>,
  ): Promise<Result<K>> {
    return this.runRounds(
      () => step,
      ({ title, graceSeconds = 120 }) =>
        this.deadlines.run(deadline, (at, secondsLeft) =>
          this.call(activity, input(at), { summary: title, budget: { total: secondsLeft + graceSeconds } }),
        ),
    );
  }

  /**
   * Runs a step until it is done, skipped, or fails the build.
   * @param execute runs one round; the round's name is unique among the rounds of this step in all runs of the build
   */
  async runRounds<R>(
    currentStep: () => Step<R> | undefined,
    execute: (step: Step<R>, round: string) => Promise<R>,
  ): Promise<R> {
    let entry: StepStatus | undefined;
    for (let round = 0; ; round++) {
      const step = currentStep();
      if (step === undefined) return this.skip(entry);
      entry = this.status.beginStep(step, entry);
      try {
        // Use the end of the run id, which is random. The beginning of the id is a time, which may be equal in two runs
        // that start within a minute.
        const result = await execute(step, `${workflowInfo().runId.slice(-12)}.${round}`);
        this.status.endStep(entry, 'done', step.note?.(result));
        return result;
      } catch (error) {
        if ((await this.decide(step, entry, error)) === 'skip') return this.skip(entry);
      }
    }
  }

  /** Calls an activity that is not a step, with the heartbeat timeout of the build. */
  call<K extends keyof Activities>(activity: K, input: Input<K>, options: CallOptions): Promise<Result<K>> {
    return callActivity(activity, input, { ...options, heartbeatTimeout: this.heartbeatTimeout });
  }

  /**
   * Marks a step as skipped, and returns undefined as its result. So a step may be skippable only if its caller can do
   * without the result.
   */
  private skip<R>(entry: StepStatus | undefined): R {
    if (entry !== undefined) this.status.endStep(entry, 'skipped');
    return undefined as R;
  }

  /**
   * Decides how the build goes on after a step failed.
   * @throws the error of the step when the build fails
   */
  private async decide<R>(step: Step<R>, entry: StepStatus, error: unknown): Promise<'retry' | 'skip'> {
    const isCancel = isCanceled(error);
    this.status.endStep(entry, 'failed', isCancel ? 'cancelled' : describeFailure(error).message.slice(0, 300));
    if (isCancel) throw error;
    const { name, title, optional = false, skippable = optional } = step;
    const failed: FailedStep = { name, title, skippable, defaultDecision: optional ? 'skip' : 'fail' };
    const decision = await this.decideFailure(failed, error);
    if (decision === 'fail') throw error;
    return decision;
  }
}
