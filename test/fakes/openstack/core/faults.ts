import { matchesCall, type CallPattern, type LoggedCall } from './call-log.js';
import type { ServiceName } from './http.js';

/** A kind of fault of a call. */
export type FaultKind =
  /** Answers with a status and performs nothing. `quota`: the service's own error for a quota, see `quota-error.ts`. */
  | { kind: 'status'; status: number; message?: string; retryAfter?: number }
  | { kind: 'quota' }
  /** Resets this call and refuses connections for `ms` milliseconds. */
  | { kind: 'refuse'; ms: number }
  /** Resets the connection before the call is performed. */
  | { kind: 'reset-before' }
  /** Performs the call, then resets the connection: a lost reply. */
  | { kind: 'reset-after' }
  /** Never answers, until the caller gives up or the cloud closes. */
  | { kind: 'hang' }
  /**
   * Holds the call `before` it is performed, or `after` that, before it is answered; `decide` then gets the status of
   * the answer. The result of `decide` ends the hold: `go` goes on as without a fault, `cut` resets the connection.
   */
  | { kind: 'held'; when: 'before' | 'after'; decide: (call: LoggedCall, status?: number) => Promise<'go' | 'cut'> }
  /** Chooses the fault, or none, when the call has come. */
  | { kind: 'chosen'; choose: (call: LoggedCall) => Promise<FaultKind | undefined> }
  /** Performs and answers the call `ms` milliseconds later. */
  | { kind: 'late'; ms: number }
  /** Sends the body in pieces of `bytes` bytes, one every `ms` milliseconds. */
  | { kind: 'slow-body'; bytes: number; ms: number }
  /** Cuts the connection after `bytes` bytes of the body. */
  | { kind: 'truncated-body'; bytes: number };

export type Fault = FaultKind & {
  match: CallPattern;
  /** Number of calls that the fault hits. Default 1; Infinity for all. */
  times?: number;
  /** Number of matching calls that pass before the first hit. Default 0. */
  after?: number;
};

export interface RandomFaults {
  seed: number;
  /** Probability that a fault hits a call, 0 to 1. */
  probability: number;
  kinds: FaultKind[];
  match?: CallPattern;
}

/** Creates a generator of random numbers with a seed (mulberry32): a failed run can be repeated. */
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

  /** Adds a fault. @returns a function that removes it */
  add(fault: Fault): () => void {
    const entry = { fault, toPass: fault.after ?? 0, left: fault.times ?? 1 };
    this.armed.push(entry);
    return () => {
      this.armed = this.armed.filter((other) => other !== entry);
    };
  }

  /** Adds faults at random; undefined removes them. */
  addRandom(faults: RandomFaults | undefined): void {
    this.random = faults === undefined ? undefined : { next: createRandomNumbers(faults.seed), faults };
  }

  clear(): void {
    this.armed = [];
    this.random = undefined;
  }

  /** Takes the fault that hits this call: it counts as one of the fault's `times`. */
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
