import { FactoryError } from '../../domain/errors.js';
import { type Deps, reportProgress, cancellationSignal, sleep } from '../shared/context.js';

/** A turn to create. */
export interface CapacityWait {
  /** Whether to try, while the cloud is short of something, until the deadline; else that is the answer. */
  waits: boolean;
  /** Milliseconds since the epoch. */
  deadline: number;
}

/** Polls that pass between two tries to create what the cloud has no room for. */
const PAUSE = 2.5;

/**
 * Makes something that the cloud may have no room for now. With patience it is tried until there is room; else what the cloud
 * is short of is the answer. A cloud that asks for fewer calls is waited for in either case, as long as it says.
 * @throws FactoryError of the cloud's own words when the deadline is over
 */
export async function retryWhileNoCapacity<T extends object>(
  deps: Pick<Deps, 'pollInterval'>,
  turn: CapacityWait,
  make: () => Promise<T>,
): Promise<(T & { waited: boolean }) | ({ [K in keyof T]?: undefined } & { short: string })> {
  for (let waited = false; ; waited = true) {
    try {
      return { ...(await make()), waited };
    } catch (error) {
      cancellationSignal().throwIfAborted();
      const short = describeShortage(error);
      if (short === undefined) throw error;
      const { type, retryAfterSeconds = 0 } = error as FactoryError;
      if (!turn.waits && type !== 'RateLimited') return { short } as { [K in keyof T]?: undefined } & { short: string };
      if (Date.now() >= turn.deadline) throw quotaTimeoutError(error as FactoryError);
      reportProgress({ message: `waiting for ${short}` });
      await sleep(Math.max(deps.pollInterval * PAUSE, retryAfterSeconds * 1000));
    }
  }
}

/** What a cloud is short of that refuses so, in words that follow "waiting for"; undefined for every other failure. */
export function describeShortage(error: unknown): string | undefined {
  if (!(error instanceof FactoryError) || !error.retryable) return undefined;
  if (error.type === 'QuotaExceeded') return describeQuota(error.message);
  if (error.type === 'ServerFailed') return `a host with room: ${cloudMessage(error.message)}`;
  if (error.type !== 'RateLimited') return undefined;
  const { retryAfterSeconds } = error;
  return `the cloud to take more calls${retryAfterSeconds === undefined ? '' : `, in ${retryAfterSeconds} s`}`;
}

/** Neutron's names of what people know by another name. */
const NAMES: Record<string, string> = { floatingip: 'floating IPs', port: 'ports', servers: 'instances' };

/** "quota: instances 10/10, cores 20/20", from Nova's sentence, that of unified limits, or Neutron's; else the sentence. */
function describeQuota(message: string): string {
  const nova = /Quota exceeded for ([\w, ]+): Requested [\d, ]+, but already used ([\d, ]+) of ([\d, ]+) /i.exec(
    message,
  );
  if (nova !== null) {
    const [names, used, limits] = nova.slice(1).map((list) => list.split(',').map((item) => item.trim()));
    return `quota: ${(names ?? []).map((name, index) => `${name} ${used?.[index]}/${limits?.[index]}`).join(', ')}`;
  }
  const unified = [...message.matchAll(/Resource (\S+) is over limit of (\d+) due to current usage (\d+)/gi)];
  if (unified.length > 0) {
    return `quota: ${unified.map(([, name = '', limit, used]) => `${NAMES[name] ?? name} ${used}/${limit}`).join(', ')}`;
  }
  const neutron = /Quota exceeded for resources: \[([^\]]*)\]/i.exec(message)?.[1];
  if (neutron === undefined) return `quota: ${cloudMessage(message)}`;
  const names = neutron.replaceAll(/['"\s]/g, '').split(',');
  return `quota: ${names.map((name) => NAMES[name] ?? name).join(', ')}`;
}

/** The cloud's own words, without ours before them. */
function cloudMessage(message: string): string {
  return message.slice(message.indexOf(': ') + 1).trim();
}

function quotaTimeoutError({ type, message, hint, requestId }: FactoryError): FactoryError {
  return new FactoryError(type, `still short of it at the deadline of quota_timeout: ${message}`, {
    hint: `${hint === undefined ? '' : `${hint}; `}--parameter quota_timeout waits longer`,
    requestId,
  });
}
