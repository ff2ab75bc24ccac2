import { allHandlersFinished, ApplicationFailure, condition, defineUpdate, setHandler } from '@temporalio/workflow';
import { RESUME_UPDATE, type ResumeRequest } from '../../domain/messages.js';
import type { BuildStatusModel } from './build-status.js';
import { describeFailure, isAlreadyBuilt, isLostByReset } from './failures.js';
import type { FailedStep, FailureDecision } from './step-runner.js';

const resumeUpdate = defineUpdate<string, [ResumeRequest]>(RESUME_UPDATE);

/** The part of a build that a hold needs. */
export interface HoldableBuild {
  /** The current parameters for a failed step. `hold_for` is in seconds. */
  readonly parameters: { on_error: string; hold_for: number };
  /** Whether the build has an instance that a user can log in to. */
  readonly hasGuest: boolean;
  /**
   * Checks the changes in a request. The method is synchronous, because Temporal requires this of the validator of an
   * update.
   * @throws FactoryError InvalidParameter
   */
  checkChange(request: ResumeRequest): void;
  /**
   * Makes a new plan with the changes in a request.
   * @throws ApplicationFailure when the request would change what has already run
   */
  replan(request: ResumeRequest): Promise<void>;
}

/**
 * Holds a build whose step failed (`on_error hold`). The build keeps its instance, and the update `resume` decides
 * whether the step runs again, is skipped, or fails the build. The time of a hold does not count towards the build's
 * timeout.
 */
export class Hold {
  private decision: FailureDecision | undefined;
  /** What the latest hold ended with, in words. Unset before the first hold has ended, and while the build is held. */
  private outcome: string | undefined;
  private pastHolds = 0;

  constructor(
    private readonly model: BuildStatusModel,
    private readonly build: HoldableBuild,
  ) {
    setHandler(resumeUpdate, (request: ResumeRequest) => this.resume(request), {
      validator: (request: ResumeRequest) => this.check(request),
    });
  }

  get isHeld(): boolean {
    return this.model.status.held !== undefined;
  }

  /** Milliseconds of all earlier holds, without a hold that still lasts. */
  get heldMilliseconds(): number {
    return this.pastHolds;
  }

  /**
   * Holds the build until a user decides about the failed step. If no user has decided when `hold_for` is over, returns
   * the step's default decision.
   */
  async decide(failed: FailedStep, error: unknown): Promise<FailureDecision> {
    const { phase } = this.model.status;
    const { on_error: onError, hold_for: holdFor } = this.build.parameters;
    if (onError !== 'hold' || phase === 'plan' || phase === 'cleanup') return failed.defaultDecision;
    if (isLostByReset(error) || isAlreadyBuilt(error)) return 'fail';
    // Two steps may run at the same time. When both fail, the second one waits here until the hold for the first one is
    // over.
    await condition(() => !this.isHeld);
    const { message, hint } = describeFailure(error);
    const since = Date.now();
    this.decision = undefined;
    this.outcome = undefined;
    this.model.setHeld({
      step: failed.name,
      message,
      ...(hint === undefined ? {} : { hint }),
      since,
      until: since + holdFor * 1000,
      next: failed.title,
      skippable: failed.skippable,
      hasGuest: this.build.hasGuest,
    });
    try {
      const summary = `held: wait for a decision about ${failed.name}`.slice(0, 200);
      await condition(() => this.decision !== undefined, holdFor * 1000, { summary });
      // An update that arrived at the last moment may still run, so wait until it is answered.
      await condition(allHandlersFinished);
      this.outcome ??= `nobody has decided within ${holdFor} s`;
      return this.decision ?? failed.defaultDecision;
    } finally {
      this.pastHolds += Date.now() - since;
      this.model.setHeld(undefined);
    }
  }

  private check(request: ResumeRequest): void {
    const { action } = request;
    const { held } = this.model.status;
    if (held === undefined || this.decision !== undefined) rejectUnheld(this.outcome);
    else if (!['retry', 'skip', 'abort'].includes(action))
      reject(`there is no action ${action}; the actions are: retry, skip, abort`);
    else if (action === 'skip' && !held.skippable) {
      reject(`step ${held.step} cannot be skipped, because the build cannot go on without it`);
    }
    this.build.checkChange(request);
  }

  /** Applies a request to resume the build, and returns in words what the build does now. */
  private async resume(request: ResumeRequest): Promise<string> {
    const step = this.model.status.held?.step ?? '';
    if (request.template !== undefined || request.parameters !== undefined) await this.build.replan(request);
    this.decision = request.action === 'abort' ? 'fail' : request.action;
    this.outcome = { retry: `${step} runs again`, skip: `${step} is skipped`, abort: 'the build cleans up' }[
      request.action
    ];
    return this.outcome;
  }
}

/** Rejects a request for a build that is not held. `outcome`: what its latest hold ended with. */
function rejectUnheld(outcome: string | undefined): never {
  reject(
    outcome === undefined
      ? 'the build is not held, so it cannot be resumed'
      : `the build is not held any more, because its latest hold is over: ${outcome}`,
  );
}

function reject(message: string): never {
  throw ApplicationFailure.nonRetryable(message, 'Conflict');
}
