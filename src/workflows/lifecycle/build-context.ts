import { workflowInfo } from '@temporalio/workflow';
import type { ImageKind } from '../../domain/image-kinds.js';
import type { BuildRef } from '../../domain/names.js';
import type { DeadlineName } from '../../domain/messages.js';
import { QueueTicket } from './wait-in-queue.js';
import { BuildStatusModel } from './build-status.js';
import { Deadlines } from './deadlines.js';
import { Hold, type HoldableBuild } from './hold.js';
import { StepRunner } from './step-runner.js';

/** What a build of any kind starts with. */
export interface BuildStart<K extends ImageKind> {
  kind: K;
  /** Marks everything that the build creates. */
  uuid: string;
  cloud: string;
  /** For people: the template's name, or its file's until the template is read. */
  name: string;
  /** Seconds. */
  deadlines: Record<DeadlineName, number>;
  /** Seconds; default 60. */
  heartbeatTimeout: number | undefined;
  /** Lets a user decide about a failed step (`on_error hold`); without it, a step that failed fails the build. */
  holdable?: HoldableBuild;
}

/**
 * What every build has, whatever kind of image it builds: identity, status, steps, deadlines, hold, and its ticket of
 * the create queue.
 */
export class BuildContext<K extends ImageKind> {
  readonly ref: BuildRef;
  readonly status: BuildStatusModel<K>;
  readonly deadlines: Deadlines;
  readonly hold: Hold | undefined;
  readonly steps: StepRunner;
  readonly ticket: QueueTicket;
  /** Seconds. */
  readonly heartbeatTimeout: number;

  constructor({ kind, uuid, cloud, name, deadlines, heartbeatTimeout = 60, holdable }: BuildStart<K>) {
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

  /** Milliseconds in which the build was held or waited in the create queue, the present wait not counted. */
  get pausedMilliseconds(): number {
    return (this.hold?.heldMilliseconds ?? 0) + this.ticket.waitedMilliseconds;
  }

  /** Whether the build is held, or waits in the create queue: that time is not the build's own. */
  get isPaused(): boolean {
    return this.hold?.isHeld === true || this.ticket.isWaiting;
  }
}
