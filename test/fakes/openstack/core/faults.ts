import { matchesCall, type CallPattern, type LoggedCall } from './call-log.js';
import type { ServiceName } from './http.js';

/** What goes wrong with a call. */
export type FaultKind =
  /** Answers with a status and does nothing. `quota` is the service's own refusal for a quota, see `quota-error.ts`. */
  | { kind: 'status'; status: number; message?: string; retryAfter?: number }
  | { kind: 'quota' }
  /** Nothing listens any more for `ms`: connections are refused. This call is reset. */
  | { kind: 'refuse'; ms: number }
  /** The connection is reset before anything was done. */
  | { kind: 'reset-before' }
  /** The call is done, then the connection is reset: a lost reply. */
  | { kind: 'reset-after' }
  /** Never answered, until the caller gives up or the cloud closes. */
  | { kind: 'hang' }
  /**
   * Held before it is done, or when it is done but not answered (with the status that it would be), until `decide` says what becomes of it: `go` on as if
   * nothing had been, or `cut` the connection.
   */
  | { kind: 'held'; when: 'before' | 'after'; decide: (call: LoggedCall, status?: number) => Promise<'go' | 'cut'> }
  /** What goes wrong, if anything, is said when the call has come. */
  | { kind: 'chosen'; choose: (call: LoggedCall) => Promise<FaultKind | undefined> }
  /** Answered `ms` later. */
  | { kind: 'late'; ms: number }
  /** The body comes in pieces of `bytes`, `ms` apart. */
  | { kind: 'slow-body'; bytes: number; ms: number }
  /** The body ends after `bytes`, the connection with it. */
  | { kind: 'truncated-body'; bytes: number };

export type Fault = FaultKind & {
  match: CallPattern;
  /** How many calls it hits. Default 1; Infinity for all. */
  times?: number;
  /** How many matching calls pass before the first that is hit. Default 0. */
  after?: number;
};

export interface RandomFaults {
  seed: number;
  /** Of each call, 0 to 1. */
  probability: number;
  kinds: FaultKind[];
  match?: CallPattern;
}

/** A small generator with a seed (mulberry32), so that a failing run can be run again. */
export function randomNumbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

interface Armed {
  fault: Fault;
  toPass: number;
  left: number;
}

/** The faults on demand of a fake cloud. */
export class Faults {
  private armed: Armed[] = [];
  private random: { next: () => number; faults: RandomFaults } | undefined;

  /** Arms a fault; the function that is answered disarms it. */
  add(fault: Fault): () => void {
    const entry = { fault, toPass: fault.after ?? 0, left: fault.times ?? 1 };
    this.armed.push(entry);
    return () => {
      this.armed = this.armed.filter((other) => other !== entry);
    };
  }

  /** Hits calls at random; undefined ends that. */
  randomly(faults: RandomFaults | undefined): void {
    this.random = faults === undefined ? undefined : { next: randomNumbers(faults.seed), faults };
  }

  clear(): void {
    this.armed = [];
    this.random = undefined;
  }

  /** The fault that hits this call; uses it up. */
  take(call: { service: ServiceName; method: string; path: string }): FaultKind | undefined {
    for (const entry of this.armed) {
      if (entry.left <= 0 || !matchesCall(entry.fault.match, call)) continue;
      if (entry.toPass > 0) {
        entry.toPass--;
        continue;
      }
      entry.left--;
      return entry.fault;
    }
    return this.takeRandom(call);
  }

  private takeRandom(call: { service: ServiceName; method: string; path: string }): FaultKind | undefined {
    if (this.random === undefined) return undefined;
    const { next, faults } = this.random;
    if (faults.match !== undefined && !matchesCall(faults.match, call)) return undefined;
    if (next() >= faults.probability) return undefined;
    return faults.kinds[Math.floor(next() * faults.kinds.length)];
  }
}
