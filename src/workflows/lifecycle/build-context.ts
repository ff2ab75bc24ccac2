import { workflowInfo } from '@temporalio/workflow';
import type { ImageKind } from '../../domain/image-kinds.js';
import { HEARTBEAT_TIMEOUT } from '../../domain/heartbeat.js';
import type { BuildRef } from '../../domain/names.js';
import type { DeadlineName } from '../../domain/messages.js';
import { QueueTicket } from './wait-in-queue.js';
import { BuildStatusModel } from './build-status.js';
import { Deadlines } from './deadlines.js';
import { Hold, type HoldableBuild } from './hold.js';
import { StepRunner } from './step-runner.js';

/** The values from which the context of a build is made, for every kind of image. */
export interface BuildStart<K extends ImageKind> {
  kind: K;
  /** UUID that marks all resources of the build. */
  uuid: string;
  cloud: string;
  /** Name of the build for people: the template's name, or the name of its file if the template is not read yet. */
  name: string;
  /** Seconds that each wait may take, by the name of its deadline. Unset when the build has no such waits. */
  deadlines?: Record<DeadlineName, number>;
  /** Seconds without a heartbeat after which Temporal tries an activity again. Default {@link HEARTBEAT_TIMEOUT}. */
  heartbeatTimeout: number | undefined;
  /** Lets a user decide about a failed step (`on_error hold`). When unset, a failed step fails the build. */
  holdable?: HoldableBuild;
}

/**
 * The parts that every build has, whatever kind of image it builds: identity, status, steps, deadlines, hold, and its
 * ticket for the create queue.
 */
export class BuildContext<K extends ImageKind> {
  readonly ref: BuildRef;
  readonly status: BuildStatusModel<K>;
  readonly deadlines: Deadlines;
  readonly hold: Hold | undefined;
  readonly steps: StepRunner;
  readonly ticket: QueueTicket;
  /** Seconds without a heartbeat after which Temporal tries an activity again. */
  readonly heartbeatTimeout: number;

  constructor({ kind, uuid, cloud, name, deadlines, heartbeatTimeout = HEARTBEAT_TIMEOUT, holdable }: BuildStart<K>) {
    this.ref = { uuid, cloud, workflowId: workflowInfo().workflowId };
    this.heartbeatTimeout = heartbeatTimeout;
    this.status = new BuildStatusModel(kind, { uuid, cloud, name });
    this.deadlines = new Deadlines(deadlines);
    const hold = holdable === undefined ? undefined : new Hold(this.status, holdable);
    this.hold = hold;
    this.steps = new StepRunner(this.status, this.deadlines, heartbeatTimeout, (step, error) =>
      hold === undefined ? Promise.resolve(step.defaultDecision) : hold.decide(step, error),
    );
    this.ticket = new QueueTicket(this.ref, this.status, this.steps);
  }

  /**
   * Milliseconds of all earlier holds and all earlier waits in the create queue, without a hold or wait that still
   * lasts.
   */
  get pausedMilliseconds(): number {
    return (this.hold?.heldMilliseconds ?? 0) + this.ticket.waitedMilliseconds;
  }

  /** Whether the build is held or waits in the create queue. This time does not count towards the build's timeout. */
  get isPaused(): boolean {
    return this.hold?.isHeld === true || this.ticket.isWaiting;
  }
}
