import { matchesCall, type CallPattern, type LoggedCall } from './call-log.js';

/** A kind of fault of a call. */
export type FaultKind =
  /**
   * `status` answers with this HTTP status. `quota` answers with the error that `quotaError` builds. Neither performs
   * the call.
   */
  | { kind: 'status'; status: number; message?: string; retryAfter?: number }
  | { kind: 'quota' }
  /** Resets the connection of the call, cuts all other connections, and refuses new ones for `ms` milliseconds. */
  | { kind: 'refuse'; ms: number }
  /** Resets the connection before the call is performed. */
  | { kind: 'reset-before' }
  /** Performs the call, then resets the connection, so that the reply is lost. */
  | { kind: 'reset-after' }
  /** Does not answer. The connection stays open until the caller closes it or the cloud closes. */
  | { kind: 'hang' }
  /**
   * Holds the call until `decide` resolves. With `before`, the cloud has not performed the call yet; with `after`, it
   * has performed the call but not replied, and `decide` gets the status of the reply. After `go` the call continues
   * normally; after `cut` the connection is reset.
   */
  | { kind: 'held'; when: 'before' | 'after'; decide: (call: LoggedCall, status?: number) => Promise<'go' | 'cut'> }
  /** Calls `choose` when the call arrives. `choose` returns the fault for the call, or undefined for no fault. */
  | { kind: 'chosen'; choose: (call: LoggedCall) => Promise<FaultKind | undefined> }
  /** Waits `ms` milliseconds, then performs and answers the call. */
  | { kind: 'late'; ms: number }
  /** Sends the body of the reply in pieces of `bytes` bytes, one every `ms` milliseconds. */
  | { kind: 'slow-body'; bytes: number; ms: number }
  /** Cuts the connection after `bytes` bytes of the reply's body. */
  | { kind: 'truncated-body'; bytes: number }
  /** Flips a bit in the first byte of the reply's body. */
  | { kind: 'flipped-body' };

export type Fault = FaultKind & {
  match: CallPattern;
  /** Number of calls that the fault affects. Default 1. Infinity: all matching calls. */
  times?: number;
  /** Number of matching calls without the fault before the first call with the fault. Default 0. */
  after?: number;
};

export interface RandomFaults {
  seed: number;
  /** Probability that a fault hits a call, 0 to 1. */
  probability: number;
  kinds: FaultKind[];
  match?: CallPattern;
}

/**
 * Creates a generator of random numbers (mulberry32). The same seed gives the same numbers, so a failed run can be
 * repeated.
 */
function createRandomNumbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

interface ActiveFault {
  fault: Fault;
  toPass: number;
  left: number;
}

/** The faults that tests inject into the calls of a fake cloud. */
export class Faults {
  private armed: ActiveFault[] = [];
  private random: { next: () => number; faults: RandomFaults } | undefined;

  /** Adds a fault. @returns a function that removes the fault */
  add(fault: Fault): () => void {
    const entry = { fault, toPass: fault.after ?? 0, left: fault.times ?? 1 };
    this.armed.push(entry);
    return () => {
      this.armed = this.armed.filter((other) => other !== entry);
    };
  }

  /** Adds faults that hit calls at random. With `undefined`, removes these faults. */
  addRandom(faults: RandomFaults | undefined): void {
    this.random = faults === undefined ? undefined : { next: createRandomNumbers(faults.seed), faults };
  }

  clear(): void {
    this.armed = [];
    this.random = undefined;
  }

  /** Finds the fault that hits a call, and counts the call as one of the fault's `times`. */
  take(call: { service: string; method: string; path: string }): FaultKind | undefined {
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

  private takeRandom(call: { service: string; method: string; path: string }): FaultKind | undefined {
    if (this.random === undefined) return undefined;
    const { next, faults } = this.random;
    if (faults.match !== undefined && !matchesCall(faults.match, call)) return undefined;
    if (next() >= faults.probability) return undefined;
    return faults.kinds[Math.floor(next() * faults.kinds.length)];
  }
}
