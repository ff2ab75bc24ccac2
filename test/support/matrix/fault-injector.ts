import { execFile } from 'node:child_process';
import { constants, open, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { matchesCall, type LoggedCall } from '../../fakes/openstack/core/call-log.js';
import type { FaultKind } from '../../fakes/openstack/core/faults.js';
import type { MediaFault } from '../../fakes/openstack/media-server.js';
import { until } from '../until.js';
import type { FaultPoint } from './fault-points.js';
import type { MatrixSlot } from './matrix-slot.js';

/** The action that is performed once at a fault point, and the event that triggers it. */
export type Injection =
  /** The cloud gets the call of the point. `inject` returns the fault for this call. */
  | { on: 'call'; inject: (call: LoggedCall) => Promise<FaultKind | undefined> }
  /** The worker requests the installer's kernel from the mirror. `inject` returns the fault for this request. */
  | { on: 'medium'; inject: () => Promise<MediaFault | undefined> }
  /**
   * `begin`: a command is about to start in the guest, and waits until `inject` resolves. `end`: a command has ended.
   */
  | { on: 'begin' | 'end'; inject: () => Promise<void> }
  /** `reading`: the step is about to read its document. `written`: the build's record says COMPLETE. */
  | { on: 'reading' | 'written'; inject: () => Promise<void> };

/** The members of {@link Injection} whose `on` includes this event. */
type InjectionOn<On extends Injection['on']> = Injection extends infer I
  ? I extends { on: infer O }
    ? On extends O
      ? I
      : never
    : never
  : never;

interface PlannedInjection {
  point: FaultPoint;
  injection: Injection;
}

/** An injection that has not happened yet. */
interface PendingInjection extends PlannedInjection {
  /** Number of calls so far that matched the point, see {@link FaultPoint.nth}. */
  matched: number;
}

/**
 * Opens a named pipe without blocking, and writes to it. If the process that reads the pipe was killed, an open that
 * blocks would never return.
 */
async function writeToPipe(pipe: string, content: Buffer): Promise<void> {
  try {
    const writer = await open(pipe, constants.O_WRONLY | constants.O_NONBLOCK);
    await writer.writeFile(content).finally(() => writer.close());
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENXIO') throw error;
  }
}

const KERNEL = /\/linux$/;
/** The first call of the clean-up. When the cloud gets this call, the worker has written all documents of the build. */
const CLEANUP_CALL = { service: 'compute', method: 'GET', path: /\/os-keypairs\// } as const;

/** Injects faults into the build of a slot, each at its fault point. */
export class FaultInjector {
  private pending: PendingInjection[];
  private frozen: Promise<'go' | 'cut'> | undefined;
  /** The injection for the end of the command that runs in the guest now. */
  private atCommandEnd: InjectionOn<'end'> | undefined;
  private readonly disarmers: (() => void)[];
  private readonly stopped = new AbortController();

  constructor(
    private readonly slot: MatrixSlot,
    planned: PlannedInjection[],
  ) {
    this.pending = planned.map((injection) => ({ ...injection, matched: 0 }));
    const { cloud, media } = slot;
    const choose = (call: LoggedCall): Promise<FaultKind | undefined> => this.chooseForCall(call);
    this.disarmers = [
      cloud.faults.add({ kind: 'chosen', match: {}, times: Infinity, choose }),
      media.addFault(KERNEL, { kind: 'chosen', choose: async () => (await this.take('medium'))?.inject() }),
    ];
    cloud.sessions.onBegin = async () => {
      // We choose the injection for the end of the command now, while the build is still in the step. When the command
      // has ended, the build may already be in the next step.
      this.atCommandEnd = await this.take('end');
      await (await this.take('begin'))?.inject();
    };
    cloud.sessions.onEnd = () => {
      void this.atCommandEnd?.inject();
      this.atCommandEnd = undefined;
    };
    const written = planned.find(({ injection }) => injection.on === 'written');
    if (written !== undefined) void this.injectAtRecord(written);
  }

  /** The fault points that the build did not reach. */
  get missed(): FaultPoint[] {
    return this.pending.map(({ point }) => point);
  }

  disarm(): void {
    this.stopped.abort();
    for (const disarm of this.disarmers) disarm();
    this.slot.cloud.sessions.onBegin = undefined;
    this.slot.cloud.sessions.onEnd = undefined;
  }

  /**
   * Holds every call to the cloud until `decision` resolves: `go` answers the held calls, and `cut` cuts their
   * connections.
   */
  freeze(decision: Promise<'go' | 'cut'>): void {
    this.frozen = decision.finally(() => (this.frozen = undefined));
  }

  private async chooseForCall(call: LoggedCall): Promise<FaultKind | undefined> {
    const { frozen } = this;
    if (frozen !== undefined) return { kind: 'held', when: 'before', decide: () => frozen };
    if (matchesCall(CLEANUP_CALL, call)) await this.prepareReading();
    const injection = await this.take('call', call);
    return injection?.inject(call);
  }

  /** Takes the injection for this event from the pending ones, if the build is at its point. */
  private async take<On extends Injection['on']>(on: On, call?: LoggedCall): Promise<InjectionOn<On> | undefined> {
    for (const candidate of [...this.pending]) {
      const { point, injection } = candidate;
      if (injection.on !== on) continue;
      if (call !== undefined && (point.call === undefined || !matchesCall(point.call, call))) continue;
      if (!(await this.slot.isInStep(point)) || !this.pending.includes(candidate)) continue;
      if (call !== undefined && ++candidate.matched < (point.nth ?? 1)) continue;
      this.pending = this.pending.filter((other) => other !== candidate);
      return injection as InjectionOn<On>;
    }
    return undefined;
  }

  /**
   * Replaces the document by a named pipe. The step that reads the document blocks until the injector writes to the
   * pipe.
   */
  private async prepareReading(): Promise<void> {
    const found = this.pending.find(({ injection }) => injection.on === 'reading');
    if (found?.point.document === undefined || !(await this.slot.isInStep({ of: 'base', step: 'cleanup' }))) return;
    if (!this.pending.includes(found)) return;
    this.pending = this.pending.filter((other) => other !== found);
    const document = join(this.slot.storage, `${this.slot.build.uuid}.d`, found.point.document);
    const content = await readFile(document);
    const aside = `${document}.aside`;
    await rename(document, aside);
    await promisify(execFile)('mkfifo', [document]);
    void this.injectAtReading(found, async () => {
      await writeToPipe(document, content);
      await rename(aside, document);
    });
  }

  private async injectAtReading({ point, injection }: PlannedInjection, restore: () => Promise<void>): Promise<void> {
    await this.waitUntil(() => this.slot.isInStep(point), `the build is in ${point.step}`);
    if (injection.on === 'reading') await injection.inject();
    await restore();
  }

  private async injectAtRecord({ point, injection }: PlannedInjection): Promise<void> {
    const isComplete = async (): Promise<boolean> => (await this.slot.readRecord())?.status === 'COMPLETE';
    await this.waitUntil(isComplete, 'the build’s record is complete');
    if (this.stopped.signal.aborted) return;
    this.pending = this.pending.filter((other) => other.point !== point);
    if (injection.on === 'written') await injection.inject();
  }

  /** Waits for the condition, or until the injector is disarmed. */
  private async waitUntil(look: () => Promise<boolean>, what: string): Promise<void> {
    const { signal } = this.stopped;
    await until(async () => signal.aborted || (await look()), what, signal);
  }
}
