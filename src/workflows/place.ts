import {
  ApplicationFailure,
  CancellationScope,
  condition,
  defineSignal,
  getExternalWorkflowHandle,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import type { LineNews, TurnEnd } from '../build/line.js';
import { LINE_DONE_SIGNAL, LINE_LEAVE_SIGNAL, LINE_NEWS_SIGNAL, LINE_SHORT_SIGNAL } from '../build/messages.js';
import type { BuildRef, ServerRole } from '../build/names.js';
import type { Waiting } from '../build/status.js';
import type { CreatedServer, Turn } from '../activities/types.js';
import { call } from './activity-options.js';
import type { Board } from './board.js';

/** How long to wait for one's turn before joining again: the line itself may have been terminated. */
const JOIN_AGAIN = '30 minutes';

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
 * turn to create; what the cloud refuses for want of room while others create too is tried again when the build is alone.
 */
export class Place {
  private line: string | undefined;
  private turn: Extract<LineNews, { state: 'turn' | 'expelled' }> | undefined;
  private joined: number | undefined;
  private waitingSince: number | undefined;
  private waitedBefore = 0;

  constructor(
    private readonly board: Board,
    private readonly heartbeatTimeout: number,
  ) {
    setHandler(defineSignal<[LineNews]>(LINE_NEWS_SIGNAL), (news) => this.hear(news));
  }

  get isWaiting(): boolean {
    return this.waitingSince !== undefined;
  }

  /** Milliseconds in which the build stood in line, the present wait not counted. */
  get waited(): number {
    return this.waitedBefore;
  }

  /** Creates when it is this build's turn. @throws ApplicationFailure QuotaExceeded when the cloud stays short for too long */
  async inTurn(of: LineOf, create: (turn: Turn) => Promise<CreatedServer>): Promise<{ serverId: string }> {
    await this.join(of);
    for (;;) {
      const turn = await this.myTurn(of);
      let end: TurnEnd = 'failed';
      try {
        const made = await create(turn);
        if (made.serverId === undefined) {
          this.turn = undefined;
          await this.tell(LINE_SHORT_SIGNAL, made.short);
          continue;
        }
        end = made.waited ? 'waited' : 'smooth';
        return { serverId: made.serverId };
      } finally {
        // Whatever has become of it: a build that is held until somebody has seen to its failure must not hold up others.
        await this.endTurn(end);
      }
    }
  }

  /** Gives the slot back, or stops waiting. */
  async leave(): Promise<void> {
    await this.tell(LINE_LEAVE_SIGNAL);
    this.line = undefined;
  }

  private hear(news: LineNews): void {
    if (news.state !== 'waiting') this.turn = news;
    else if (this.isWaiting) this.show(news);
  }

  private async join({ ref, role, line, patience }: LineOf): Promise<void> {
    this.line = line;
    this.turn = undefined;
    this.joined ??= Date.now();
    const { goesOn } = await call(
      'joinLine',
      [{ ref, role, line, member: { id: ref.workflowId, since: this.joined, patience } }],
      { summary: 'stand in the project’s line', heartbeatTimeout: this.heartbeatTimeout },
    );
    if (goesOn) this.turn = { state: 'turn', alone: true, slot: true };
  }

  private async myTurn(of: LineOf): Promise<Turn> {
    const since = Date.now();
    this.waitingSince = since;
    this.show({});
    try {
      while (!(await condition(() => this.turn !== undefined, JOIN_AGAIN))) await this.join(of);
    } finally {
      this.waitingSince = undefined;
      this.waitedBefore += Date.now() - since;
      this.board.waits(undefined);
    }
    const { turn } = this;
    if (turn?.state !== 'turn') throw this.expelled(of, turn?.reason);
    // Who comes on for want of something most likely waits for it now.
    if (turn.alone && turn.reason !== undefined) this.show({ reason: turn.reason });
    return { patient: turn.alone, deadline: Date.now() + of.patience * 1000 };
  }

  private async endTurn(end: TurnEnd): Promise<void> {
    this.board.waits(undefined);
    if (this.turn?.state !== 'turn') return;
    await this.tell(LINE_DONE_SIGNAL, end);
    if (!this.turn.slot) this.line = undefined;
    this.turn = undefined;
  }

  private show(news: Pick<Waiting, 'position' | 'of' | 'reason'>): void {
    const { position, of, reason } = news;
    this.board.waits({ line: this.line ?? '', since: this.joined ?? Date.now(), position, of, reason });
  }

  private expelled({ patience }: LineOf, reason: string | undefined): ApplicationFailure {
    this.line = undefined;
    return ApplicationFailure.create({
      type: 'QuotaExceeded',
      message: `nobody in the project’s line has got on for ${patience} s, for want of ${reason}`,
      nonRetryable: true,
      details: [{ hint: WAIT_LONGER }],
    });
  }

  private async tell(signal: string, ...words: string[]): Promise<void> {
    const { line } = this;
    if (line === undefined) return;
    await CancellationScope.nonCancellable(async () => {
      try {
        const handle = getExternalWorkflowHandle(line);
        await handle.signal<string[]>(signal, workflowInfo().workflowId, ...words);
      } catch {
        // The line has ended: it holds nothing for us.
      }
    });
  }
}

/** What helps where a cloud stays short. */
const WAIT_LONGER =
  'free something in the project, ask the cloud’s operators for more, or wait longer: --parameter quota_timeout SECONDS';
