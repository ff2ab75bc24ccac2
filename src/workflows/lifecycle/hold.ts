import {
  allHandlersFinished,
  ApplicationFailure,
  condition,
  defineUpdate,
  setHandler,
  upsertSearchAttributes,
} from '@temporalio/workflow';
import { RESUME_UPDATE, type ResumeRequest } from '../../domain/messages.js';
import { SEARCH_ATTRIBUTES } from '../../domain/search-attributes.js';
import type { BaseImageInput } from '../../domain/base-image-input.js';
import type { PlannedBuild } from '../../activities/shared/types.js';
import { call } from './activity-options.js';
import type { Board, FailedStep, Verdict } from './step-runner.js';
import type { Course } from '../base-image/build-context.js';
import type { Deadlines } from './deadlines.js';
import { describeFailure, isAlreadyBuilt, isLostByReset } from './failures.js';

const resumeUpdate = defineUpdate<string, [ResumeRequest]>(RESUME_UPDATE);

/**
 * Holds a build whose step has failed (`on_error hold`): its instance stays, and the update `resume` says whether the step is
 * tried again, left out, or the build given up. The time in which it is held is not counted in the build's own.
 */
export class Hold {
  private verdict: Verdict | undefined;
  private heldBefore = 0;

  constructor(
    private readonly course: Course,
    private readonly board: Board,
    private readonly deadlines: Deadlines,
    private readonly heartbeatTimeout: number,
  ) {
    setHandler(resumeUpdate, (request: ResumeRequest) => this.resume(request), {
      validator: (request: ResumeRequest) => this.check(request),
    });
    board.onFailure = (step, error) => this.verdictOn(step, error);
  }

  get isHeld(): boolean {
    return this.board.status.held !== undefined;
  }

  /** Milliseconds in which the build was held, the present hold not counted. */
  get held(): number {
    return this.heldBefore;
  }

  private async verdictOn(failed: FailedStep, error: unknown): Promise<Verdict> {
    const { phase } = this.board.status;
    const { on_error: onError, hold_for: holdFor } = this.course.parameters;
    if (onError !== 'hold' || phase === 'plan' || phase === 'cleanup') return failed.otherwise;
    if (isLostByReset(error) || isAlreadyBuilt(error)) return 'fail';
    // Two steps may run at once: one is held at a time.
    await condition(() => !this.isHeld);
    const { message, hint } = describeFailure(error);
    const since = Date.now();
    this.verdict = undefined;
    this.board.status.held = {
      step: failed.name,
      message,
      ...(hint === undefined ? {} : { hint }),
      since,
      until: since + holdFor * 1000,
      next: failed.title,
      skippable: failed.skippable,
      hasGuest: this.course.guest !== undefined,
    };
    this.say('HELD');
    try {
      await condition(() => this.verdict !== undefined, holdFor * 1000);
      // Somebody who came at the last moment is still being answered.
      await condition(allHandlersFinished);
      return this.verdict ?? failed.otherwise;
    } finally {
      this.heldBefore += Date.now() - since;
      delete this.board.status.held;
      this.say('BUILDING');
    }
  }

  private say(status: string): void {
    upsertSearchAttributes([{ key: SEARCH_ATTRIBUTES.status, value: status }]);
    this.board.show();
  }

  private check(request: ResumeRequest): void {
    const { action } = request;
    const { held } = this.board.status;
    if (held === undefined || this.verdict !== undefined) refuse('the build is not held: there is nothing to resume');
    else if (!['retry', 'skip', 'abort'].includes(action)) refuse(`there is no action ${action}: retry, skip or abort`);
    else if (action === 'skip' && !held.skippable) {
      refuse(`${held.step} cannot be left out: only a step of the template can`);
    }
    // Throws where a parameter is wrong.
    this.course.changedBy(request);
  }

  /** Answers what the build does now. */
  private async resume(request: ResumeRequest): Promise<string> {
    const step = this.board.status.held?.step ?? '';
    if (request.template !== undefined || request.parameters !== undefined) await this.replan(request);
    this.verdict = request.action === 'abort' ? 'fail' : request.action;
    return { retry: `${step} is tried again`, skip: `${step} is left out`, abort: 'the build cleans up' }[
      request.action
    ];
  }

  private async replan(request: ResumeRequest): Promise<void> {
    const input = this.course.changedBy(request);
    const plan = await this.newPlan(input);
    this.course.input = input;
    this.course.plan = plan;
    this.deadlines.replace(input.parameters);
  }

  private async newPlan(input: BaseImageInput): Promise<PlannedBuild> {
    const done = this.board.status.steps.filter(({ state }) => state === 'done' || state === 'skipped');
    const { ref, plan: before, parameters } = this.course;
    try {
      return await call('replanBaseImage', [{ ref, input, before, parameters, done: done.map(({ name }) => name) }], {
        summary: 'check what was changed while the build was held',
        budget: { total: 600, attempt: 300 },
        heartbeatTimeout: this.heartbeatTimeout,
      });
    } catch (error) {
      const { type, message, hint } = describeFailure(error);
      throw ApplicationFailure.create({ message, type, nonRetryable: true, details: [{ hint }] });
    }
  }
}

function refuse(message: string): never {
  throw ApplicationFailure.nonRetryable(message, 'Conflict');
}
