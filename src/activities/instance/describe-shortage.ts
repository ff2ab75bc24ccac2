import { FactoryError } from '../../domain/errors.js';

/**
 * Describes what a cloud is short of, in words that follow "waiting for". Undefined for every error that is no
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

/** The usual names of resources that the services name differently. */
const RESOURCE_NAMES: Record<string, string> = { floatingip: 'floating IPs', port: 'ports', servers: 'instances' };

/**
 * Formats "quota: instances 10/10, cores 20/20" from the message of Nova, of unified limits or of Neutron; returns
 * other messages as they are.
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

/** The cloud's own message, without imagefactory's prefix. */
function cloudMessage(message: string): string {
  return message.slice(message.indexOf(': ') + 1).trim();
}
