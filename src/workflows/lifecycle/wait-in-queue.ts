import {
  ApplicationFailure,
  CancellationScope,
  condition,
  defineSignal,
  getExternalWorkflowHandle,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import type { QueueNotice, QueuePosition, TurnOutcome } from '../../domain/create-queue.js';
import { QUEUE_LEAVE_SIGNAL, QUEUE_NOTICE_SIGNAL, QUEUE_TURN_FINISHED_SIGNAL } from '../../domain/messages.js';
import type { BuildRef, ServerRole } from '../../domain/names.js';
import type { Waiting } from '../../domain/status.js';
import type { BuildStatusModel } from './build-status.js';
import type { Step, StepRunner } from './step-runner.js';
import type { QueueTicketInput } from '../../activities/instance/join-create-queue.js';
import type { CreatedServer, CreateServerInput } from '../../activities/instance/create-server.js';

/**
 * How long a build waits for a notice of the create queue. After this time it joins the queue again: if the queue's
 * workflow was terminated, no notice would ever come.
 */
const ASK_AGAIN = '30 minutes';

/** The queue that a build joins to create an instance, and how long the build waits there. */
export interface QueueRequest {
  role: ServerRole;
  /** Workflow id of the project's create queue. */
  queueId: string;
  /** Seconds for which the build waits while the cloud has no capacity. */
  timeout: number;
}

type Notice = Exclude<QueueNotice, QueuePosition>;

/**
 * A build's ticket for its project's create queue. Until the queue announces the turn, the workflow itself waits and
 * runs no activity, so the wait costs nothing. Then the build joins the queue again and asks for its turn, because the
 * announcement may be out of date.
 */
export class QueueTicket {
  private queueId: string | undefined;
  /** The notice that ends the wait. */
  private notice: Notice | undefined;
  private joinedAt: number | undefined;
  private waitingSince: number | undefined;
  private pastWaits = 0;

  constructor(
    private readonly ref: BuildRef,
    private readonly status: BuildStatusModel,
    private readonly steps: StepRunner,
  ) {
    setHandler(defineSignal<[QueueNotice]>(QUEUE_NOTICE_SIGNAL), (notice) => this.receive(notice));
  }

  get isWaiting(): boolean {
    return this.waitingSince !== undefined;
  }

  /** Milliseconds of all earlier waits in the queue, without a wait that still lasts. */
  get waitedMilliseconds(): number {
    return this.pastWaits;
  }

  /**
   * Runs the step that creates an instance, when the create queue gives the build its turn. Each round of the step
   * needs a turn of its own.
   * @throws ApplicationFailure QuotaExceeded when the cloud has no capacity for longer than the request's timeout
   */
  createServer(
    step: Step<{ serverId: string }>,
    request: QueueRequest,
    input: () => Omit<CreateServerInput, 'ref' | 'role' | 'queue'>,
  ): Promise<{ serverId: string }> {
    const { ref } = this;
    const { role, timeout } = request;
    return this.steps.runRounds(
      () => step,
      ({ title }) =>
        this.createInTurn(request, (queue) =>
          this.steps.call(
            'createServer',
            { ...input(), ref, role, queue },
            { summary: title, budget: { total: timeout + 600 } },
          ),
        ),
    );
  }

  /** Leaves the create queue: gives the build's slot back, or stops its wait. */
  async leaveQueue(): Promise<void> {
    await this.signalQueue(QUEUE_LEAVE_SIGNAL);
    this.queueId = undefined;
  }

  private async createInTurn(
    request: QueueRequest,
    create: (queue: QueueTicketInput) => Promise<CreatedServer>,
  ): Promise<{ serverId: string }> {
    const { queueId: id, timeout } = request;
    this.queueId = id;
    this.joinedAt ??= Date.now();
    for (;;) {
      this.notice = undefined;
      const created = await this.tryCreate(() => create({ id, since: this.joinedAt ?? 0, timeout }));
      if (created.serverId === undefined) {
        await this.waitForTurn(request, created.position);
        continue;
      }
      if (!created.slot) this.queueId = undefined;
      return { serverId: created.serverId };
    }
  }

  private receive(notice: QueueNotice): void {
    if (notice.state !== 'waiting') this.notice = notice;
    else if (this.isWaiting) this.showWaiting(notice);
  }

  private async tryCreate(create: () => Promise<CreatedServer>): Promise<CreatedServer> {
    try {
      return await create();
    } catch (error) {
      // Ends the build's turn now. After this failure the build may be held for a long time, and other builds must not
      // wait for a held build.
      await this.signalQueue(QUEUE_TURN_FINISHED_SIGNAL, 'failed');
      throw error;
    } finally {
      this.status.setWaiting(undefined);
    }
  }

  private async waitForTurn(request: QueueRequest, position: QueuePosition | undefined): Promise<void> {
    const since = Date.now();
    this.waitingSince = since;
    this.showWaiting(position ?? {});
    try {
      await condition(() => this.notice !== undefined, ASK_AGAIN, { summary: 'join the create queue again' });
    } finally {
      this.waitingSince = undefined;
      this.pastWaits += Date.now() - since;
      this.status.setWaiting(undefined);
    }
    const { notice } = this;
    if (notice?.state === 'expelled') throw this.quotaExceeded(request, notice.reason);
    // The build got its turn while the cloud lacks capacity. So the next attempt most likely waits for this capacity,
    // and the status shows that reason.
    if (notice?.alone === true && notice.reason !== undefined) this.showWaiting({ reason: notice.reason });
  }

  private showWaiting({ position, of, reason }: Pick<Waiting, 'position' | 'of' | 'reason'>): void {
    const { queueId = '', joinedAt: since = Date.now() } = this;
    this.status.setWaiting({ queueId, since, position, of, reason });
  }

  private quotaExceeded({ timeout }: QueueRequest, reason: string): ApplicationFailure {
    this.queueId = undefined;
    return ApplicationFailure.create({
      type: 'QuotaExceeded',
      message: `timed out after ${timeout} s waiting for ${reason}: in this time, no build in the project’s create queue got its instance`,
      nonRetryable: true,
      details: [{ hint: CAPACITY_HINT }],
    });
  }

  private async signalQueue(signal: string, ...outcome: TurnOutcome[]): Promise<void> {
    const { queueId } = this;
    if (queueId === undefined) return;
    await CancellationScope.nonCancellable(async () => {
      try {
        const handle = getExternalWorkflowHandle(queueId);
        await handle.signal<[string, ...string[], number]>(signal, workflowInfo().workflowId, ...outcome, Date.now());
      } catch {
        // The queue has ended, so it holds no turn and no slot for this build.
      }
    });
  }
}

/** Tells the user what to do when a cloud has no capacity for too long. */
const CAPACITY_HINT =
  'delete resources in the project, ask the cloud’s operators for more quota, or wait longer: --parameter quota_timeout SECONDS';
