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
import { QUEUE_TURN_FINISHED_SIGNAL, QUEUE_LEAVE_SIGNAL, QUEUE_NOTICE_SIGNAL } from '../../domain/messages.js';
import type { BuildRef, ServerRole } from '../../domain/names.js';
import type { Waiting } from '../../domain/status.js';
import type { CreatedServer, QueueTicketInput } from '../../activities/shared/types.js';
import type { Board } from '../lifecycle/step-runner.js';

/** How long to wait for one's turn before asking again: the line itself may have been terminated. */
const ASK_AGAIN = '30 minutes';

/** Which line, and how long to stand in it. */
export interface LineOf {
  ref: BuildRef;
  role: ServerRole;
  /** Workflow id of the project's line. */
  line: string;
  /** Seconds to wait for a cloud that is short of something. */
  patience: number;
}

/**
 * A build's place in its project's line. It waits in the workflow, where it costs nothing, until the line says that it is its
 * turn to create, and then asks for it: what the line says may be old when it is heard.
 */
export class Place {
  private line: string | undefined;
  /** What ends the wait. */
  private news: Exclude<QueueNotice, QueuePosition> | undefined;
  private joined: number | undefined;
  private waitingSince: number | undefined;
  private waitedBefore = 0;

  constructor(private readonly board: Board) {
    setHandler(defineSignal<[QueueNotice]>(QUEUE_NOTICE_SIGNAL), (news) => this.hear(news));
  }

  get isWaiting(): boolean {
    return this.waitingSince !== undefined;
  }

  /** Milliseconds in which the build stood in line, the present wait not counted. */
  get waited(): number {
    return this.waitedBefore;
  }

  /** Creates when it is this build's turn. @throws ApplicationFailure QuotaExceeded when the cloud stays short for too long */
  async inTurn(of: LineOf, create: (line: QueueTicketInput) => Promise<CreatedServer>): Promise<{ serverId: string }> {
    this.line = of.line;
    this.joined ??= Date.now();
    for (;;) {
      this.news = undefined;
      const made = await this.created(() => create({ id: of.line, since: this.joined ?? 0, timeout: of.patience }));
      if (made.serverId === undefined) {
        await this.myTurn(of, made.position);
        continue;
      }
      if (!made.slot) this.line = undefined;
      return { serverId: made.serverId };
    }
  }

  /** Gives the slot back, or stops waiting. */
  async leave(): Promise<void> {
    await this.tell(QUEUE_LEAVE_SIGNAL);
    this.line = undefined;
  }

  private hear(news: QueueNotice): void {
    if (news.state !== 'waiting') this.news = news;
    else if (this.isWaiting) this.show(news);
  }

  private async created(create: () => Promise<CreatedServer>): Promise<CreatedServer> {
    try {
      return await create();
    } catch (error) {
      // A build that is held until somebody has seen to its failure must not hold up others.
      await this.tell(QUEUE_TURN_FINISHED_SIGNAL, 'failed');
      throw error;
    } finally {
      this.board.waits(undefined);
    }
  }

  private async myTurn(of: LineOf, position: QueuePosition | undefined): Promise<void> {
    const since = Date.now();
    this.waitingSince = since;
    this.show(position ?? {});
    try {
      await condition(() => this.news !== undefined, ASK_AGAIN);
    } finally {
      this.waitingSince = undefined;
      this.waitedBefore += Date.now() - since;
      this.board.waits(undefined);
    }
    const { news } = this;
    if (news?.state === 'expelled') throw this.expelled(of, news.reason);
    // Who comes on for want of something most likely waits for it now.
    if (news?.alone === true && news.reason !== undefined) this.show({ reason: news.reason });
  }

  private show(news: Pick<Waiting, 'position' | 'of' | 'reason'>): void {
    const { position, of, reason } = news;
    this.board.waits({ queueId: this.line ?? '', since: this.joined ?? Date.now(), position, of, reason });
  }

  private expelled({ patience }: LineOf, reason: string): ApplicationFailure {
    this.line = undefined;
    return ApplicationFailure.create({
      type: 'QuotaExceeded',
      message: `nobody in the project’s line has got on for ${patience} s, for want of ${reason}`,
      nonRetryable: true,
      details: [{ hint: WAIT_LONGER }],
    });
  }

  private async tell(signal: string, ...words: TurnOutcome[]): Promise<void> {
    const { line } = this;
    if (line === undefined) return;
    await CancellationScope.nonCancellable(async () => {
      try {
        const handle = getExternalWorkflowHandle(line);
        await handle.signal<[string, ...string[], number]>(signal, workflowInfo().workflowId, ...words, Date.now());
      } catch {
        // The line has ended: it holds nothing for us.
      }
    });
  }
}

/** What helps where a cloud stays short. */
const WAIT_LONGER =
  'free something in the project, ask the cloud’s operators for more, or wait longer: --parameter quota_timeout SECONDS';
