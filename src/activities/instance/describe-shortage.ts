import { FactoryError } from '../../domain/errors.js';

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
const RESOURCE_NAMES: Record<string, string> = { floatingip: 'floating IPs', port: 'ports', servers: 'instances' };

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
    return `quota: ${unified.map(([, name = '', limit, used]) => `${RESOURCE_NAMES[name] ?? name} ${used}/${limit}`).join(', ')}`;
  }
  const neutron = /Quota exceeded for resources: \[([^\]]*)\]/i.exec(message)?.[1];
  if (neutron === undefined) return `quota: ${cloudMessage(message)}`;
  const names = neutron.replaceAll(/['"\s]/g, '').split(',');
  return `quota: ${names.map((name) => RESOURCE_NAMES[name] ?? name).join(', ')}`;
}

/** The cloud's own words, without ours before them. */
function cloudMessage(message: string): string {
  return message.slice(message.indexOf(': ') + 1).trim();
}
