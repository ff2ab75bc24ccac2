import { execFile } from 'node:child_process';
import { constants, open, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import { matchesCall, type LoggedCall } from '../../fakes/openstack/core/call-log.js';
import type { FaultKind } from '../../fakes/openstack/core/faults.js';
import type { MediaFault } from '../../fakes/openstack/media-server.js';
import type { MatrixSlot } from './lane.js';
import type { FaultPoint } from './places.js';

/** What happens at a place, once. */
export type Injection =
  /** When the place's call has come: what goes wrong with it. */
  | { on: 'call'; strike: (call: LoggedCall) => Promise<FaultKind | undefined> }
  /** When the kernel is asked for. */
  | { on: 'medium'; strike: () => Promise<MediaFault | undefined> }
  /** When a command is about to run in the guest, which waits for the answer, or has ended. */
  | { on: 'begin' | 'end'; strike: () => Promise<void> }
  /** When the step stands before the reading of its document, or the record says that the build is complete. */
  | { on: 'reading' | 'written'; strike: () => Promise<void> };

/** Those of a union whose `on` may be this. */
type BlowOn<On extends Injection['on']> = Injection extends infer B
  ? B extends { on: infer O }
    ? On extends O
      ? B
      : never
    : never
  : never;

interface Waiting {
  place: FaultPoint;
  blow: Injection;
}

/** One that waits, and how many calls like its own it has let pass. */
interface Lying extends Waiting {
  passed: number;
}

/** Writes to a pipe whose reader may have been killed: whoever waited for another would hold this process for ever. */
async function tell(pipe: string, content: Buffer): Promise<void> {
  try {
    const writer = await open(pipe, constants.O_WRONLY | constants.O_NONBLOCK);
    await writer.writeFile(content).finally(() => writer.close());
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENXIO') throw error;
  }
}

const KERNEL = /\/linux$/;
/** The clean-up's first call: when it comes, all documents of the build are written. */
const CLEANING = { service: 'compute', method: 'GET', path: /\/os-keypairs\// } as const;

/** Lies in wait for a build at places of its life. */
export class FaultInjector {
  private waiting: Lying[];
  private frozen: Promise<'go' | 'cut'> | undefined;
  /** What happens when the command has ended that runs in the guest. */
  private ending: BlowOn<'end'> | undefined;
  private readonly disarmers: (() => void)[];
  private readonly over = new AbortController();

  constructor(
    private readonly lane: MatrixSlot,
    blows: Waiting[],
  ) {
    this.waiting = blows.map((blow) => ({ ...blow, passed: 0 }));
    const { cloud, media } = lane;
    const choose = (call: LoggedCall): Promise<FaultKind | undefined> => this.chooseForCall(call);
    this.disarmers = [
      cloud.faults.add({ kind: 'chosen', match: {}, times: Infinity, choose }),
      media.fault(KERNEL, { kind: 'chosen', choose: async () => (await this.take('medium'))?.strike() }),
    ];
    cloud.sessions.onBegin = async () => {
      // Whoever looked at its end only would find the next step.
      this.ending = await this.take('end');
      await (await this.take('begin'))?.strike();
    };
    cloud.sessions.onEnd = () => {
      void this.ending?.strike();
      this.ending = undefined;
    };
    const written = blows.find(({ blow }) => blow.on === 'written');
    if (written !== undefined) void this.awaitRecord(written);
  }

  /** Places to which the build has not come. */
  get missed(): FaultPoint[] {
    return this.waiting.map(({ place }) => place);
  }

  disarm(): void {
    this.over.abort();
    for (const disarm of this.disarmers) disarm();
    this.lane.cloud.sessions.onBegin = undefined;
    this.lane.cloud.sessions.onEnd = undefined;
  }

  /** Holds every call to the cloud until it is said what becomes of them. */
  freeze(until: Promise<'go' | 'cut'>): void {
    this.frozen = until.finally(() => (this.frozen = undefined));
  }

  private async chooseForCall(call: LoggedCall): Promise<FaultKind | undefined> {
    const { frozen } = this;
    if (frozen !== undefined) return { kind: 'held', when: 'before', decide: () => frozen };
    if (matchesCall(CLEANING, call)) await this.prepareReading();
    const blow = await this.take('call', call);
    return blow?.strike(call);
  }

  /** The blow that falls now, which then waits no more. */
  private async take<On extends Injection['on']>(on: On, call?: LoggedCall): Promise<BlowOn<On> | undefined> {
    for (const candidate of [...this.waiting]) {
      const { place, blow } = candidate;
      if (blow.on !== on) continue;
      if (call !== undefined && (place.call === undefined || !matchesCall(place.call, call))) continue;
      if (!(await this.lane.isIn(place)) || !this.waiting.includes(candidate)) continue;
      if (call !== undefined && ++candidate.passed < (place.nth ?? 1)) continue;
      this.waiting = this.waiting.filter((other) => other !== candidate);
      return blow as BlowOn<On>;
    }
    return undefined;
  }

  /** A pipe stands in for the document: whoever reads it waits for somebody who writes. */
  private async prepareReading(): Promise<void> {
    const found = this.waiting.find(({ blow }) => blow.on === 'reading');
    if (found?.place.document === undefined || !(await this.lane.isIn({ of: 'base', step: 'cleanup' }))) return;
    if (!this.waiting.includes(found)) return;
    this.waiting = this.waiting.filter((other) => other !== found);
    const document = join(this.lane.storage, `${this.lane.build.uuid}.d`, found.place.document);
    const content = await readFile(document);
    const aside = `${document}.aside`;
    await rename(document, aside);
    await promisify(execFile)('mkfifo', [document]);
    void this.atReading(found, async () => {
      await tell(document, content);
      await rename(aside, document);
    });
  }

  private async atReading({ place, blow }: Waiting, release: () => Promise<void>): Promise<void> {
    await this.until(() => this.lane.isIn(place));
    if (blow.on === 'reading') await blow.strike();
    await release();
  }

  private async awaitRecord(written: Waiting): Promise<void> {
    const { lane } = this;
    await this.until(async () => (await lane.record())?.status === 'COMPLETE');
    if (this.over.signal.aborted) return;
    this.waiting = this.waiting.filter(({ place }) => place !== written.place);
    if (written.blow.on === 'written') await written.blow.strike();
  }

  private async until(look: () => Promise<boolean>): Promise<void> {
    while (!this.over.signal.aborted && !(await look())) await pause(20);
  }
}
