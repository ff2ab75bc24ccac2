/** Creates that may be under way at once while none has met a quota. */
const WIDE = 5;
/** Creates that must go through at once, one after the other, before several are let go together again. */
const SMOOTH = 3;

/** Workflow id of the line of a project: quotas are each region's own. */
export function lineOf(projectId: string, region: string | undefined): string {
  return `cloud_line-${projectId}${region === undefined ? '' : `-${region}`}`;
}

/** Who stands in a project's line: a build, or an installer's run. */
export interface Member {
  /** Its workflow's id: a build that is reset, or that joins twice, keeps its place. */
  id: string;
  /** Milliseconds since the epoch: when it first asked. The line is in this order. */
  since: number;
  /** Seconds that it waits for a cloud that is short without anybody's getting on. */
  patience: number;
}

/** How a turn has ended. `smooth`: created at once; `waited`: created after the cloud had been short. */
export type TurnEnd = 'smooth' | 'waited' | 'failed';

/** Where somebody stands who waits. */
export interface LinePosition {
  state: 'waiting';
  position: number;
  of: number;
  /** What the first of the line waits for, when the cloud is short. */
  reason?: string;
}

/** A member may create now. */
export interface LineTurn {
  state: 'turn';
  /** Nobody else creates meanwhile: the member may try until it gets through. */
  alone: boolean;
  /** It holds one of the cloud's slots from now on until it leaves. */
  slot: boolean;
  reason?: string;
}

/** What a member that joins is answered. */
export type LineAnswer = LinePosition | LineTurn;

/** What the line tells a member that waits. */
export type LineNews = LineAnswer | { state: 'expelled'; reason: string };

interface Place extends Member {
  state: 'waiting' | 'creating' | 'holding';
  slot: boolean;
  /** Its turn was given while the cloud was short: nobody else has one. Others may have theirs when it falls short later. */
  alone?: boolean;
  /** The position that it was last told; undefined: it does not know. */
  told?: number;
}

/** All that the line knows; small, since it is handed on when the line's history grows long. */
export interface LineState {
  places: Place[];
  /** What the cloud is short of, in words, and since when nobody has got on for that. */
  short?: { reason: string; since: number };
  /** Smooth turns since the cloud was last short. */
  smooth: number;
  /** Slots; undefined: any number. */
  limit?: number;
}

/**
 * The line of everybody who wants to create an instance in a project. First come, first served: who is first creates, the
 * others wait. A turn lasts for the create; a slot, where their number is limited, lasts until its holder leaves. As long as
 * the cloud has room, several create at once; when one meets a quota it stands in line again, and from then on only the first
 * tries, until it gets through.
 */
export class Line {
  constructor(readonly state: LineState = { places: [], smooth: 0 }) {}

  get isEmpty(): boolean {
    return this.state.places.length === 0;
  }

  get hasWaiting(): boolean {
    return this.waiting().length > 0;
  }

  /** Who creates now, or holds a slot: those whose death would hold the others up. */
  get active(): string[] {
    return this.state.places.filter(({ state }) => state !== 'waiting').map(({ id }) => id);
  }

  /**
   * Takes a member in, or hears it again. Who has an instance already goes on at once, whatever the line: others may be
   * waiting for that very instance to go.
   */
  join(member: Member, hasInstance: boolean, limit: number | undefined): void {
    const { places } = this.state;
    this.state.limit = limit;
    let place = places.find(({ id }) => id === member.id);
    if (place === undefined) {
      place = { ...member, state: 'waiting', slot: false };
      places.push(place);
      places.sort((one, other) => one.since - other.since || (one.id < other.id ? -1 : 1));
    }
    place.patience = member.patience;
    // One that creates has not heard of its turn.
    place.state = hasInstance ? 'creating' : 'waiting';
    place.slot ||= hasInstance && limit !== undefined;
    delete place.alone;
    delete place.told;
  }

  /** The cloud is short of something: the member stands in line again, where it stood. */
  short(id: string, reason: string, now: number): void {
    this.state.short = { reason, since: this.state.short?.since ?? now };
    this.state.smooth = 0;
    const place = this.find(id);
    if (place === undefined) return;
    place.state = 'waiting';
    delete place.told;
  }

  /** A member's turn has ended. */
  done(id: string, end: TurnEnd, now: number): void {
    const { short } = this.state;
    this.state.smooth = end === 'smooth' ? this.state.smooth + 1 : 0;
    if (short !== undefined && end !== 'failed') short.since = now;
    if (this.state.smooth >= SMOOTH) delete this.state.short;
    const place = this.find(id);
    if (place === undefined) return;
    if (place.slot) place.state = 'holding';
    else this.leave(id);
  }

  /** A member needs nothing any more, or is no more. */
  leave(id: string): void {
    this.state.places = this.state.places.filter((place) => place.id !== id);
    if (!this.state.places.some(({ state }) => state !== 'holding')) delete this.state.short;
  }

  /** Gives the turns that can be given, and answers whom to tell what. */
  advance(now: number): { id: string; news: LineNews }[] {
    return [...this.expelled(now), ...this.turns(), ...this.positions()];
  }

  /** Where a member stands; undefined when it does not wait. */
  positionOf(id: string): LinePosition | undefined {
    const waiting = this.waiting();
    const index = waiting.findIndex((place) => place.id === id);
    return index < 0 ? undefined : { state: 'waiting', position: index + 1, of: waiting.length, ...this.reason() };
  }

  /** What a member is answered that has joined; undefined when it does not stand here. */
  answerTo(id: string): LineAnswer | undefined {
    const place = this.find(id);
    return place === undefined || place.state === 'waiting' ? this.positionOf(id) : this.turnOf(place);
  }

  private expelled(now: number): { id: string; news: LineNews }[] {
    const { short } = this.state;
    if (short === undefined) return [];
    const impatient = this.waiting().filter(
      ({ since, patience }) => now - Math.max(since, short.since) >= patience * 1000,
    );
    for (const { id } of impatient) this.leave(id);
    return impatient.map(({ id }) => ({ id, news: { state: 'expelled', reason: short.reason } }));
  }

  private turns(): { id: string; news: LineNews }[] {
    const given: { id: string; news: LineNews }[] = [];
    for (let next = this.next(); next !== undefined; next = this.next()) {
      next.state = 'creating';
      next.alone = this.state.short !== undefined;
      next.slot ||= this.state.limit !== undefined;
      given.push({ id: next.id, news: this.turnOf(next) });
    }
    return given;
  }

  private turnOf({ slot, alone = false }: Place): LineTurn {
    return { state: 'turn', alone, slot, ...this.reason() };
  }

  /** The first that has a slot, or can have one. */
  private next(): Place | undefined {
    const { places, limit = Infinity, short } = this.state;
    const creating = places.filter(({ state }) => state === 'creating').length;
    if (creating >= (short === undefined ? WIDE : 1)) return undefined;
    const isFree = places.filter(({ slot }) => slot).length < limit;
    return this.waiting().find(({ slot }) => slot || isFree);
  }

  /** Told are those who have just come, and those who stand at half of what they know: not everybody at each step. */
  private positions(): { id: string; news: LineNews }[] {
    const waiting = this.waiting();
    return waiting.flatMap((place, index) => {
      const position = index + 1;
      if (place.told !== undefined && position > place.told / 2) return [];
      place.told = position;
      return [{ id: place.id, news: { state: 'waiting', position, of: waiting.length, ...this.reason() } }];
    });
  }

  private waiting(): Place[] {
    return this.state.places.filter(({ state }) => state === 'waiting');
  }

  private find(id: string): Place | undefined {
    return this.state.places.find((place) => place.id === id);
  }

  private reason(): { reason?: string } {
    const { short } = this.state;
    return short === undefined ? {} : { reason: short.reason };
  }
}
