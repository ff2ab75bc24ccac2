/** One call that reached the fake cloud. */
export interface LoggedCall {
  /** Milliseconds since the epoch. */
  at: number;
  service: string;
  method: string;
  /** The path below the service's endpoint, with the query. */
  path: string;
  /** Status of the reply. Unset while the call has no reply, and when the connection was cut before the reply. */
  status?: number;
  /** The fault that hit the call. Unset when there was none. */
  fault?: string;
  requestId: string;
}

export interface CallPattern {
  service?: string;
  method?: string;
  path?: RegExp;
}

export function matchesCall(pattern: CallPattern, call: { service: string; method: string; path: string }): boolean {
  if (pattern.service !== undefined && pattern.service !== call.service) return false;
  if (pattern.method !== undefined && pattern.method !== call.method) return false;
  return pattern.path === undefined || pattern.path.test(call.path);
}

/** The calls since the start, or since {@link clear}. The log keeps only the newest calls, but counts all calls. */
export class CallLog {
  private entries: LoggedCall[] = [];
  private total = 0;
  private readonly byKind = new Map<string, number>();

  constructor(private readonly limit: number) {}

  add(call: LoggedCall): void {
    this.total++;
    const kind = `${call.service} ${call.method} ${describeKind(call.path)}`;
    this.byKind.set(kind, (this.byKind.get(kind) ?? 0) + 1);
    this.entries.push(call);
    if (this.entries.length > this.limit * 2) this.entries = this.entries.slice(-this.limit);
  }

  /**
   * Counts the calls in the log that match the pattern. Without a pattern, counts all calls, also those that the log
   * has dropped.
   */
  count(pattern?: CallPattern): number {
    return pattern === undefined ? this.total : this.list(pattern).length;
  }

  list(pattern: CallPattern = {}): LoggedCall[] {
    return this.entries.filter((call) => matchesCall(pattern, call));
  }

  /**
   * Returns the number of calls of each kind. A kind is a text such as `compute GET /v2.1/servers/*`, in which `*`
   * replaces an id.
   */
  summary(): Record<string, number> {
    return Object.fromEntries([...this.byKind].sort((one, other) => other[1] - one[1]));
  }

  clear(): void {
    this.entries = [];
    this.total = 0;
    this.byKind.clear();
  }
}

function describeKind(path: string): string {
  return (path.split('?')[0] ?? '').replace(/[0-9a-f]{8}-[0-9a-f-]{27}/g, '*').replace(/(os-keypairs)\/[^/]+/, '$1/*');
}
