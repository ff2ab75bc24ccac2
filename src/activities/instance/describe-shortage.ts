import { FactoryError } from '../../domain/errors.js';

/**
 * Describes what the cloud lacks, in words that follow "waiting for". Returns undefined for an error that is not a
 * shortage.
 */
export function describeShortage(error: unknown): string | undefined {
  if (!(error instanceof FactoryError) || !error.retryable) return undefined;
  if (error.type === 'QuotaExceeded') return describeQuota(error.message);
  if (error.type === 'ServerFailed') return `a host with room: ${cloudMessage(error.message)}`;
  if (error.type !== 'RateLimited') return undefined;
  const { retryAfterSeconds } = error;
  return `the cloud to take more calls${retryAfterSeconds === undefined ? '' : `, in ${retryAfterSeconds} s`}`;
}

/** Maps the names that the services use for resources in their messages to the names that we show. */
const RESOURCE_NAMES: Record<string, string> = { floatingip: 'floating IPs', port: 'ports', servers: 'instances' };

/**
 * Shortens a quota message to the form "quota: instances 10/10, cores 20/20" (used/limit). Knows the messages of Nova,
 * of unified limits and of Neutron. The result for Neutron has no numbers, because Neutron's message has none. Any
 * other message only gets the prefix "quota: ".
 */
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
    return `quota: ${unified.map(([, name = '', limit, used]) => `${RESOURCE_NAMES[name] ?? name} ${used}/${limit}`).join(', ')}`;
  }
  const neutron = /Quota exceeded for resources: \[([^\]]*)\]/i.exec(message)?.[1];
  if (neutron === undefined) return `quota: ${cloudMessage(message)}`;
  const names = neutron.replaceAll(/['"\s]/g, '').split(',');
  return `quota: ${names.map((name) => RESOURCE_NAMES[name] ?? name).join(', ')}`;
}

/** Returns the cloud's own message, without the prefix that we put before it. Our prefix ends with the first colon. */
function cloudMessage(message: string): string {
  return message.slice(message.indexOf(': ') + 1).trim();
}
