/** Maximum number of members that create instances at the same time while the cloud has no shortage. */
const MAX_CONCURRENT_CREATES = 5;
/** After this many smooth turns in a row, the shortage is over, and the queue allows concurrent creates again. */
const IMMEDIATE_TURNS_TO_RECOVER = 3;

/**
 * Returns the workflow id of a project's create queue. Each region has its own queue, because each has its own quotas.
 */
export function createQueueWorkflowId(projectId: string, region: string | undefined): string {
  return `create_queue-${projectId}${region === undefined ? '' : `-${region}`}`;
}

/** A member of a project's queue: a build, or a JEOS installation. */
export interface QueueMember {
  /**
   * Id of the member's workflow. The queue finds a member by this id, so a build that is reset or joins twice keeps its
   * place.
   */
  id: string;
  /**
   * When the member first asked for an instance, in milliseconds since the epoch. The queue is in the order of these
   * times.
   */
  since: number;
  /**
   * The queue expels the member after this number of seconds in which the cloud has no capacity and no member makes
   * progress.
   */
  timeout: number;
}

/**
 * How a turn has ended. `smooth`: the member created its instance at once; `waited`: the member created its instance
 * after a shortage; `failed`: the member did not create its instance.
 */
export type TurnOutcome = 'smooth' | 'waited' | 'failed';

/** The position of a waiting member. */
export interface QueuePosition {
  state: 'waiting';
  position: number;
  of: number;
  /** What the first member waits for. Unset when the cloud has no shortage. */
  reason?: string;
}

/** The turn of a member: the member may create its instance now. */
export interface QueueTurn {
  state: 'turn';
  /** Whether no other member creates at the same time. If so, this member may retry until it succeeds. */
  alone: boolean;
  /**
   * Whether the member holds a slot from now until it leaves the queue. The worker's configuration may limit the number
   * of slots in a cloud (`maxConcurrentBuilds`).
   */
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
   * Whether the member got its turn during a shortage, so that no other member has a turn. When unset or false, other
   * members may have turns, even if a shortage begins later.
   */
  alone?: boolean;
  /** The position in the last notice to the member. Unset when the member has had no notice. */
  lastNotifiedPosition?: number;
}

/**
 * The state of the queue. It must stay small, because the workflow passes it to its next run when it continues as new.
 */
export interface CreateQueueState {
  entries: QueueEntry[];
  /**
   * The cloud's shortage: `reason` in words, and `since` in milliseconds since the epoch. `since` is the time when a
   * member last made progress. If no member has made progress, it is the time when the shortage began. Unset when the
   * cloud has no shortage.
   */
  shortage?: { reason: string; since: number };
  /** Number of smooth turns in a row. A turn that is not smooth sets it to 0, and so does a shortage. */
  immediateTurns: number;
  /** Number of the cloud's slots. Unset when their number is not limited. */
  limit?: number;
}

/**
 * The queue of all members that want to create an instance in a project: first come, first served. A turn ends when the
 * member has created its instance. If the number of slots is limited, the member also holds a slot until it leaves the
 * queue.
 *
 * While the cloud has capacity, several members create at the same time. When a member meets a shortage, such as a
 * used-up quota, this member waits again at its old position. From then on, one member creates at a time, until some
 * turns in a row are smooth.
 */
export class CreateQueue {
  constructor(readonly state: CreateQueueState = { entries: [], immediateTurns: 0 }) {}

  get isEmpty(): boolean {
    return this.state.entries.length === 0;
  }

  get hasWaiting(): boolean {
    return this.waitingCount > 0;
  }

  /** How many members wait for their turn. */
  get waitingCount(): number {
    return this.waitingEntries().length;
  }

  /**
   * Returns the ids of the members that create now or hold a slot. The caller checks whether the workflows of these
   * members still run: if one of these workflows ended unnoticed, its member would keep its turn or slot, and the other
   * members would wait for ever.
   */
  get activeIds(): string[] {
    return this.state.entries.filter(({ state }) => state !== 'waiting').map(({ id }) => id);
  }

  /**
   * Adds a member, or updates a member that joins again. A member that has an instance already gets its turn at once,
   * because other members may wait until this instance is deleted.
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
    // A member that joins again while it creates has not received the notice of its turn, so it waits for a new turn.
    place.state = hasInstance ? 'creating' : 'waiting';
    place.slot ||= hasInstance && limit !== undefined;
    delete place.alone;
    delete place.lastNotifiedPosition;
  }

  /** Records that a member has met a shortage of the cloud. The member waits again, at its old position. */
  reportShortage(id: string, reason: string, now: number): void {
    this.state.shortage = { reason, since: this.state.shortage?.since ?? now };
    this.state.immediateTurns = 0;
    const place = this.findEntry(id);
    if (place === undefined) return;
    place.state = 'waiting';
    delete place.lastNotifiedPosition;
  }

  /** Ends a member's turn. A member with a slot stays in the queue until it leaves; any other member is removed. */
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

  /** Returns the first waiting member that has a slot or can get one; undefined when no member can have a turn now. */
  private nextInLine(): QueueEntry | undefined {
    const { entries: places, limit = Infinity, shortage: short } = this.state;
    const creating = places.filter(({ state }) => state === 'creating').length;
    if (creating >= (short === undefined ? MAX_CONCURRENT_CREATES : 1)) return undefined;
    const isFree = places.filter(({ slot }) => slot).length < limit;
    return this.waitingEntries().find(({ slot }) => slot || isFree);
  }

  /**
   * Returns notices for new members, and for members whose position has halved since their last notice. Other members
   * get no notice.
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
