import type { LoggedCall } from '../fakes/openstack/core/call-log.js';
import type { TestEnv } from './test-env.js';

/**
 * The calls of a build that change something in the cloud: each kind, and how many calls of the kind the build makes.
 */
export type ChangingCalls = [kind: string, calls: number][];

/** A call whose reply is lost: the nth of its kind. */
export interface LostReply {
  kind: string;
  nth: number;
}

/** Lists the replies to all these calls. */
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
 * Whether a call changes nothing. Reading the console is an `/action` call too, but Nova answers it with 200, and all
 * other actions with 202.
 */
function isRead({ path, method }: LoggedCall, status: number | undefined): boolean {
  return method === 'GET' || (path.endsWith('/action') && status !== 202);
}

/** Makes the cloud lose these replies. @returns a list that grows with each reply that was lost */
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
