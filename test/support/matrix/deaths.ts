import type { FaultKind } from '../../fakes/openstack/core/faults.js';
import type { MediaFault } from '../../fakes/openstack/media-server.js';
import { FaultInjector, type Injection } from './ambush.js';
import type { MatrixSlot, SlotBuild } from './lane.js';
import type { FaultPoint } from './places.js';

/** Before the call is done; when it is done and not answered, or a session under way; when it has been answered. */
export type Moment = 'before' | 'during' | 'after';

/** A place and moment at which something dies. */
export interface Crash {
  place: FaultPoint;
  moment: Moment;
}

/** What a build goes through. */
export interface Share {
  deaths: Crash[];
  /** What is particular about the build. */
  build?: SlotBuild;
}

/** Kills what is to die while every build stands still, brings it back, and says what becomes of the calls that are held. */
export type CrashTrigger = (release: (how: 'go' | 'cut') => void) => Promise<void>;

interface Run {
  lane: MatrixSlot;
  ambush?: FaultInjector;
  /** Says what becomes of what is held; there while the build stands still. */
  release?: (how: 'go' | 'cut') => void;
  isOver: boolean;
}

/** Milliseconds after which a reply has reached the worker. */
const ARRIVED = 60;

/**
 * Builds that run at once, each in its lane: when each has come to its next place, what is to die is killed, once for them
 * all, and started again.
 */
export class CrashRun {
  private readonly runs: Run[];
  private changed: () => void = () => undefined;

  constructor(
    lanes: MatrixSlot[],
    private readonly kill: CrashTrigger,
  ) {
    this.runs = lanes.map((lane) => ({ lane, isOver: false }));
  }

  /** Runs a build in each lane, with its deaths; answers the places to which each has not come. */
  async run(shares: Share[]): Promise<FaultPoint[][]> {
    for (const [index, run] of this.runs.entries()) {
      const blows = (shares[index]?.deaths ?? []).map(({ place, moment }) => ({
        place,
        blow: this.blow(run, place, moment),
      }));
      run.ambush = new FaultInjector(run.lane, blows);
    }
    await Promise.all(this.runs.map(({ lane }, index) => lane.begin(shares[index]?.build)));
    for (const run of this.runs) {
      void run.lane.ended().finally(() => {
        run.isOver = true;
        this.changed();
      });
    }
    while (await this.allStand()) {
      const standing = this.runs.flatMap(({ release }) => release ?? []);
      for (const run of this.runs) delete run.release;
      await this.kill((how) => standing.forEach((release) => release(how)));
    }
    return this.runs.map(({ ambush }) => {
      ambush?.disarm();
      return ambush?.missed ?? [];
    });
  }

  /** Waits until every build stands still or is over; false when all are over. */
  private async allStand(): Promise<boolean> {
    while (!this.runs.every(({ isOver, release }) => isOver || release !== undefined)) {
      await new Promise<void>((resolve) => (this.changed = resolve));
    }
    return this.runs.some(({ release }) => release !== undefined);
  }

  /** The build stands still from now on; resolves with what becomes of what is held. */
  private stand(run: Run): Promise<'go' | 'cut'> {
    return new Promise((resolve) => {
      run.release = resolve;
      this.changed();
    });
  }

  /** What has been answered is let through, and everything that comes after it is held. */
  private standAfter(run: Run): void {
    run.ambush?.freeze(
      new Promise((resolve) => {
        setTimeout(() => void this.stand(run).then(resolve), ARRIVED);
      }),
    );
  }

  private blow(run: Run, place: FaultPoint, moment: Moment): Injection {
    const stand = (): Promise<'go' | 'cut'> => this.stand(run);
    if (place.document !== undefined) {
      return { on: moment === 'after' ? 'written' : 'reading', strike: async () => void (await stand()) };
    }
    if (place.medium === true) return { on: 'medium', strike: () => this.strikeMedium(run, moment) };
    if (place.guest === true && moment === 'during') return { on: 'begin', strike: async () => void (await stand()) };
    if (place.guest === true && moment === 'after') {
      return { on: 'end', strike: () => Promise.resolve(this.standAfter(run)) };
    }
    return {
      on: 'call',
      strike: (): Promise<FaultKind | undefined> => {
        if (moment === 'after') {
          this.standAfter(run);
          return Promise.resolve(undefined);
        }
        return Promise.resolve({ kind: 'held', when: moment === 'before' ? 'before' : 'after', decide: stand });
      },
    };
  }

  private async strikeMedium(run: Run, moment: Moment): Promise<MediaFault | undefined> {
    if (moment === 'before') return (await this.stand(run)) === 'cut' ? { kind: 'reset' } : undefined;
    this.standAfter(run);
    return moment === 'during' ? { kind: 'slow', bytes: 2000, ms: 100 } : undefined;
  }
}
