import type { FaultKind } from '../../fakes/openstack/core/faults.js';
import type { MediaFault } from '../../fakes/openstack/media-server.js';
import { FaultInjector, type Injection } from './fault-injector.js';
import type { FaultPoint } from './fault-points.js';
import type { MatrixSlot, SlotBuild } from './matrix-slot.js';

/**
 * The time at which a process is killed. `before`: before the cloud performs the call. `during`: after the cloud has
 * performed the call and before it replies, or while an SSH session runs. `after`: after the reply.
 */
export type CrashTiming = 'before' | 'during' | 'after';

/** A fault point, and the time at which a process is killed there. */
export interface Crash {
  point: FaultPoint;
  timing: CrashTiming;
}

/** One build, and the crashes that it goes through. */
export interface CrashPlan {
  crashes: Crash[];
  build?: SlotBuild;
}

/**
 * Kills the process under test while every build is paused, starts it again, and calls `release`. `release` decides
 * about the held calls: `go` answers them, `cut` cuts their connections.
 */
export type CrashTrigger = (release: (how: 'go' | 'cut') => void) => Promise<void>;

interface SlotRun {
  slot: MatrixSlot;
  injector?: FaultInjector;
  /**
   * Answers (`go`) the held calls of the build, or cuts their connections (`cut`). Unset when the build is not paused.
   */
  release?: (how: 'go' | 'cut') => void;
  isOver: boolean;
}

/** Milliseconds within which a reply of the cloud reaches the worker. */
const REPLY_ARRIVES_AFTER = 60;

/**
 * Runs builds at the same time, each in its slot. Each build pauses at its next crash. When all builds are paused, the
 * process is killed and started again, and all builds go on to their next crashes.
 */
export class CrashRun {
  private readonly runs: SlotRun[];
  private changed: () => void = () => undefined;

  constructor(
    slots: MatrixSlot[],
    private readonly trigger: CrashTrigger,
  ) {
    this.runs = slots.map((slot) => ({ slot, isOver: false }));
  }

  /** Runs one build in each slot. @returns for each slot the fault points that its build did not reach */
  async run(plans: CrashPlan[]): Promise<FaultPoint[][]> {
    for (const [index, run] of this.runs.entries()) {
      const injections = (plans[index]?.crashes ?? []).map(({ point, timing }) => ({
        point,
        injection: this.createInjection(run, point, timing),
      }));
      run.injector = new FaultInjector(run.slot, injections);
    }
    await Promise.all(this.runs.map(({ slot }, index) => slot.startBuild(plans[index]?.build)));
    for (const run of this.runs) {
      void run.slot.waitForEnd().finally(() => {
        run.isOver = true;
        this.changed();
      });
    }
    while (await this.waitForPause()) {
      const releases = this.runs.flatMap(({ release }) => release ?? []);
      for (const run of this.runs) delete run.release;
      await this.trigger((how) => releases.forEach((release) => release(how)));
    }
    return this.runs.map(({ injector }) => {
      injector?.disarm();
      return injector?.missed ?? [];
    });
  }

  /** Waits until every build is paused or has ended. @returns false when all have ended */
  private async waitForPause(): Promise<boolean> {
    while (!this.runs.every(({ isOver, release }) => isOver || release !== undefined)) {
      await new Promise<void>((resolve) => (this.changed = resolve));
    }
    return this.runs.some(({ release }) => release !== undefined);
  }

  /** Marks the build as paused. Resolves with the decision of the trigger about the held calls. */
  private pause(run: SlotRun): Promise<'go' | 'cut'> {
    return new Promise((resolve) => {
      run.release = resolve;
      this.changed();
    });
  }

  /** Pauses the build when the worker has received the reply. From then on, holds all calls of the build. */
  private pauseAfterReply(run: SlotRun): void {
    run.injector?.freeze(
      new Promise((resolve) => {
        setTimeout(() => void this.pause(run).then(resolve), REPLY_ARRIVES_AFTER);
      }),
    );
  }

  private createInjection(run: SlotRun, point: FaultPoint, timing: CrashTiming): Injection {
    const pause = (): Promise<'go' | 'cut'> => this.pause(run);
    if (point.document !== undefined) {
      return { on: timing === 'after' ? 'written' : 'reading', inject: async () => void (await pause()) };
    }
    if (point.medium === true) return { on: 'medium', inject: () => this.injectMediumFault(run, timing) };
    if (point.guest === true && timing === 'during') return { on: 'begin', inject: async () => void (await pause()) };
    if (point.guest === true && timing === 'after') {
      return { on: 'end', inject: () => Promise.resolve(this.pauseAfterReply(run)) };
    }
    return {
      on: 'call',
      inject: (): Promise<FaultKind | undefined> => {
        if (timing === 'after') {
          this.pauseAfterReply(run);
          return Promise.resolve(undefined);
        }
        return Promise.resolve({ kind: 'held', when: timing === 'before' ? 'before' : 'after', decide: pause });
      },
    };
  }

  private async injectMediumFault(run: SlotRun, timing: CrashTiming): Promise<MediaFault | undefined> {
    if (timing === 'before') return (await this.pause(run)) === 'cut' ? { kind: 'reset' } : undefined;
    this.pauseAfterReply(run);
    return timing === 'during' ? { kind: 'slow', bytes: 2000, ms: 100 } : undefined;
  }
}
