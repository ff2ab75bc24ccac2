import type { LoggedCall } from '../fakes/openstack/core/call-log.js';
import type { TestEnv } from './test-env.js';

/** The calls with which a build changes the cloud: each kind of call, and the number of calls of that kind. */
export type ChangingCalls = [kind: string, calls: number][];

/** A call whose reply is lost: call number `nth` (from 1) of its kind. */
export interface LostReply {
  kind: string;
  nth: number;
}

/** Lists one lost reply for each call in `changes`. */
export function listReplies(changes: ChangingCalls): LostReply[] {
  return changes.flatMap(([kind, calls]) => Array.from({ length: calls }, (_, index) => ({ kind, nth: index + 1 })));
}

function nameCall({ service, method, path }: LoggedCall): string {
  const without = path
    .replace(/^\/v3\/[0-9a-f]{32}\//, '/v3/')
    .replace(/[0-9a-f]{8}-[0-9a-f-]{27}/, '*')
    .replace(/(os-keypairs)\/.+/, '$1/*');
  return `${service} ${method} ${without}`;
}

/**
 * Checks whether a call changes nothing in the cloud. A call that reads the console is also an `/action` call, but Nova
 * answers it with 200, and all other actions with 202.
 */
function isRead({ path, method }: LoggedCall, status: number | undefined): boolean {
  return method === 'GET' || (path.endsWith('/action') && status !== 202);
}

/** Makes the cloud lose these replies. @returns a list to which each lost reply is added */
export function loseReplies(env: TestEnv, losses: LostReply[]): string[] {
  const seen = new Map<string, number>();
  const lost: string[] = [];
  env.cloud.faults.add({
    kind: 'held',
    match: {},
    when: 'after',
    times: Infinity,
    decide: (call, status) => {
      const kind = nameCall(call);
      if (isRead(call, status)) return Promise.resolve('go');
      const nth = (seen.get(kind) ?? 0) + 1;
      seen.set(kind, nth);
      if (!losses.some((loss) => loss.kind === kind && loss.nth === nth)) return Promise.resolve('go');
      lost.push(describeLostReply({ kind, nth }));
      return Promise.resolve('cut');
    },
  });
  return lost;
}

export function describeLostReply({ kind, nth }: LostReply): string {
  return `${kind} (${nth})`;
}

/** Lists the kinds of calls that have changed something in the cloud so far, sorted by name. */
export function listChangingCalls(env: TestEnv): string[] {
  const changes = env.cloud.calls.list().filter((call) => !isRead(call, call.status));
  return [...new Set(changes.map(nameCall))].sort();
}
