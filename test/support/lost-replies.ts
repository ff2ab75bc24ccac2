import type { LoggedCall } from '../fakes/openstack/core/call-log.js';
import type { TestEnv } from './bed.js';

/** Calls that change something in a cloud: a kind of them, and how many of the kind a build makes. */
export type Changes = [kind: string, calls: number][];

/** A call whose reply is lost: the so manieth that is new of its kind. */
export interface Lost {
  kind: string;
  nth: number;
}

export function everyOne(changes: Changes): Lost[] {
  return changes.flatMap(([kind, calls]) => Array.from({ length: calls }, (_, index) => ({ kind, nth: index + 1 })));
}

function kindOf({ service, method, path }: LoggedCall): string {
  const without = path
    .replace(/^\/v3\/[0-9a-f]{32}\//, '/v3/')
    .replace(/[0-9a-f]{8}-[0-9a-f-]{27}/, '*')
    .replace(/(os-keypairs)\/.+/, '$1/*');
  return `${service} ${method} ${without}`;
}

/** Consoles are read by an action as well: that Nova answers with 200, those that change something with 202. */
function isRead({ path, method }: LoggedCall, status: number | undefined): boolean {
  return method === 'GET' || (path.endsWith('/action') && status !== 202);
}

/** Loses the replies; answers those that were lost. */
export function lose(bed: TestEnv, losses: Lost[]): string[] {
  const seen = new Map<string, number>();
  const lost: string[] = [];
  bed.cloud.faults.add({
    kind: 'held',
    match: {},
    when: 'after',
    times: Infinity,
    decide: (call, status) => {
      const kind = kindOf(call);
      if (isRead(call, status)) return Promise.resolve('go');
      const nth = (seen.get(kind) ?? 0) + 1;
      seen.set(kind, nth);
      if (!losses.some((loss) => loss.kind === kind && loss.nth === nth)) return Promise.resolve('go');
      lost.push(wordsOf({ kind, nth }));
      return Promise.resolve('cut');
    },
  });
  return lost;
}

export function wordsOf({ kind, nth }: Lost): string {
  return `${kind} (${nth})`;
}

/** The kinds of calls that have changed something in a bed's cloud so far, in the order of their letters. */
export function changesOf(bed: TestEnv): string[] {
  const changes = bed.cloud.calls.list().filter((call) => !isRead(call, call.status));
  return [...new Set(changes.map(kindOf))].sort();
}
