/** The most concurrent creates while none has met a used-up quota. */
const MAX_CONCURRENT_CREATES = 5;
/** Creates in a row that must succeed at once before the queue allows concurrent creates again. */
const IMMEDIATE_TURNS_TO_RECOVER = 3;

/** Workflow id of the line of a project: quotas are each region's own. */
export function createQueueWorkflowId(projectId: string, region: string | undefined): string {
  return `create_queue-${projectId}${region === undefined ? '' : `-${region}`}`;
}

/** A member of a project's queue: a build, or a JEOS installation. */
export interface QueueMember {
  /** Its workflow's id: a build that is reset, or that joins twice, keeps its place. */
  id: string;
  /** Milliseconds since the epoch: when it first asked. The line is in this order. */
  since: number;
  /** Seconds that it waits while the cloud has no capacity and no member makes progress. */
  timeout: number;
}

/** How a turn has ended. `smooth`: created at once; `waited`: created after a shortage. */
export type TurnOutcome = 'smooth' | 'waited' | 'failed';

/** The position of a waiting member. */
export interface QueuePosition {
  state: 'waiting';
  position: number;
  of: number;
  /** What the first member waits for, during a shortage. */
  reason?: string;
}

/** A member may create now. */
export interface QueueTurn {
  state: 'turn';
  /** No other member creates at the same time: this one may retry until it succeeds. */
  alone: boolean;
  /** It holds one of the cloud's slots from now on until it leaves. */
  slot: boolean;
  reason?: string;
}

/** The answer to a member that joins. */
export type QueueAnswer = QueuePosition | QueueTurn;

/** A message of the queue to a member. `expelled`: the member has waited longer than its timeout. */
export type QueueNotice = QueueAnswer | { state: 'expelled'; reason: string };

interface QueueEntry extends QueueMember {
  state: 'waiting' | 'creating' | 'holding';
  slot: boolean;
  /**
   * It got its turn during a shortage, so no other member has a turn. Absent or false: other members may have turns,
   * also if a shortage begins later.
   */
  alone?: boolean;
  /** The position in its last notice; undefined: it has had none. */
  lastNotifiedPosition?: number;
}

/** The state of the queue. It is small, because the workflow passes it on when it continues as new. */
export interface CreateQueueState {
  entries: QueueEntry[];
  /** The shortage of the cloud in words, and the time of the last progress of any member, in milliseconds. */
  shortage?: { reason: string; since: number };
  /** Smooth turns in a row since the last shortage. */
  immediateTurns: number;
  /** Number of slots; undefined: not limited. */
  limit?: number;
}

/**
 * The queue of all members that want to create an instance in a project: first come, first served. A turn lasts for the
 * create; a slot, if their number is limited, lasts until its member leaves. As long as the cloud has capacity, several
 * members create at the same time. When one meets a used-up quota, it waits again at its position; from then on only
 * the first member tries, until it succeeds.
 */
export class CreateQueue {
  constructor(readonly state: CreateQueueState = { entries: [], immediateTurns: 0 }) {}

  get isEmpty(): boolean {
    return this.state.entries.length === 0;
  }

  get hasWaiting(): boolean {
    return this.waitingEntries().length > 0;
  }

  /**
   * Ids of the members that create now or hold a slot: if one of them ended unnoticed, the others would wait for ever.
   */
  get activeIds(): string[] {
    return this.state.entries.filter(({ state }) => state !== 'waiting').map(({ id }) => id);
  }

  /**
   * Adds a member, or updates one that joins again. A member that has an instance already gets its turn at once,
   * because others may wait until this instance is deleted.
   */
  join(member: QueueMember, hasInstance: boolean, limit: number | undefined): void {
    const { entries: places } = this.state;
    this.state.limit = limit;
    let place = places.find(({ id }) => id === member.id);
    if (place === undefined) {
      place = { ...member, state: 'waiting', slot: false };
      places.push(place);
      places.sort((one, other) => one.since - other.since || (one.id < other.id ? -1 : 1));
    }
    place.timeout = member.timeout;
    // A member that joins again while it creates has not received the notice of its turn.
    place.state = hasInstance ? 'creating' : 'waiting';
    place.slot ||= hasInstance && limit !== undefined;
    delete place.alone;
    delete place.lastNotifiedPosition;
  }

  /** Reports a shortage of the cloud: the member waits again, at its old position. */
  reportShortage(id: string, reason: string, now: number): void {
    this.state.shortage = { reason, since: this.state.shortage?.since ?? now };
    this.state.immediateTurns = 0;
    const place = this.findEntry(id);
    if (place === undefined) return;
    place.state = 'waiting';
    delete place.lastNotifiedPosition;
  }

  /** Ends a member's turn. */
  finishTurn(id: string, end: TurnOutcome, now: number): void {
    const { shortage: short } = this.state;
    this.state.immediateTurns = end === 'smooth' ? this.state.immediateTurns + 1 : 0;
    if (short !== undefined && end !== 'failed') short.since = now;
    if (this.state.immediateTurns >= IMMEDIATE_TURNS_TO_RECOVER) delete this.state.shortage;
    const place = this.findEntry(id);
    if (place === undefined) return;
    if (place.slot) place.state = 'holding';
    else this.leave(id);
  }

  /** Removes a member that needs nothing more, or whose workflow has ended. */
  leave(id: string): void {
    this.state.entries = this.state.entries.filter((place) => place.id !== id);
    if (!this.state.entries.some(({ state }) => state !== 'holding')) delete this.state.shortage;
  }

  /** Grants the turns that are possible now, and returns the notices to send. */
  advance(now: number): { id: string; notice: QueueNotice }[] {
    return [...this.expelOverdue(now), ...this.grantTurns(), ...this.changedPositions()];
  }

  /** Returns the position of a member; undefined when it does not wait. */
  findPosition(id: string): QueuePosition | undefined {
    const waiting = this.waitingEntries();
    const index = waiting.findIndex((place) => place.id === id);
    return index < 0
      ? undefined
      : { state: 'waiting', position: index + 1, of: waiting.length, ...this.shortageReason() };
  }

  /** Returns the answer to a member that has joined; undefined when it is not in the queue. */
  answerMember(id: string): QueueAnswer | undefined {
    const place = this.findEntry(id);
    return place === undefined || place.state === 'waiting' ? this.findPosition(id) : this.describeTurn(place);
  }

  private expelOverdue(now: number): { id: string; notice: QueueNotice }[] {
    const { shortage: short } = this.state;
    if (short === undefined) return [];
    const impatient = this.waitingEntries().filter(
      ({ since, timeout: patience }) => now - Math.max(since, short.since) >= patience * 1000,
    );
    for (const { id } of impatient) this.leave(id);
    return impatient.map(({ id }) => ({ id, notice: { state: 'expelled', reason: short.reason } }));
  }

  private grantTurns(): { id: string; notice: QueueNotice }[] {
    const given: { id: string; notice: QueueNotice }[] = [];
    for (let next = this.nextInLine(); next !== undefined; next = this.nextInLine()) {
      next.state = 'creating';
      next.alone = this.state.shortage !== undefined;
      next.slot ||= this.state.limit !== undefined;
      given.push({ id: next.id, notice: this.describeTurn(next) });
    }
    return given;
  }

  private describeTurn({ slot, alone = false }: QueueEntry): QueueTurn {
    return { state: 'turn', alone, slot, ...this.shortageReason() };
  }

  /** Returns the first waiting member that has a slot, or can get one. */
  private nextInLine(): QueueEntry | undefined {
    const { entries: places, limit = Infinity, shortage: short } = this.state;
    const creating = places.filter(({ state }) => state === 'creating').length;
    if (creating >= (short === undefined ? MAX_CONCURRENT_CREATES : 1)) return undefined;
    const isFree = places.filter(({ slot }) => slot).length < limit;
    return this.waitingEntries().find(({ slot }) => slot || isFree);
  }

  /**
   * Returns notices for new members, and for members whose position has halved since their last notice: not for all.
   */
  private changedPositions(): { id: string; notice: QueueNotice }[] {
    const waiting = this.waitingEntries();
    return waiting.flatMap((place, index) => {
      const position = index + 1;
      if (place.lastNotifiedPosition !== undefined && position > place.lastNotifiedPosition / 2) return [];
      place.lastNotifiedPosition = position;
      return [{ id: place.id, notice: { state: 'waiting', position, of: waiting.length, ...this.shortageReason() } }];
    });
  }

  private waitingEntries(): QueueEntry[] {
    return this.state.entries.filter(({ state }) => state === 'waiting');
  }

  private findEntry(id: string): QueueEntry | undefined {
    return this.state.entries.find((place) => place.id === id);
  }

  private shortageReason(): { reason?: string } {
    const { shortage: short } = this.state;
    return short === undefined ? {} : { reason: short.reason };
  }
}
