import { z } from 'zod';
import { FactoryError } from '../../domain/errors.js';
import type { ServiceClient } from '../auth/service-client.js';

/**
 * The newest microversion of Nova that this program supports
 * (https://docs.openstack.org/nova/latest/reference/api-microversion-history.html). If Nova's own newest microversion
 * is older, we use Nova's.
 */
export const NEWEST = '2.93';
/** The microversions that this program needs, oldest first, each with the feature that it added. */
const REQUIRED: [string, string][] = [
  ['2.26', 'filtering servers by tag'],
  ['2.45', 'the image id in the response to createImage'],
  ['2.48', 'server diagnostics in one format'],
  ['2.52', 'tags in the request that creates a server'],
];

const versionSchema = z.object({ version: z.object({ min_version: z.string(), version: z.string() }) });

function splitVersion(version: string): [number, number] {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return [major, minor];
}

/** Checks whether the microversion `a` is older than `b`. */
function isOlder(a: string, b: string): boolean {
  const [majorA, minorA] = splitVersion(a);
  const [majorB, minorB] = splitVersion(b);
  return majorA < majorB || (majorA === majorB && minorA < minorB);
}

/**
 * Chooses the microversion for a Nova that offers `min` to `max`.
 * @throws FactoryError BadRequest, which names the missing features
 */
export function chooseMicroversion(min: string, max: string, cloud: string): string {
  const missing = REQUIRED.filter(([version]) => isOlder(max, version)).map(([, what]) => what);
  if (missing.length > 0) {
    throw new FactoryError(
      'BadRequest',
      `Nova of cloud ${cloud} is too old (newest microversion ${max}). It does not support: ${missing.join(', ')}`,
      {
        hint: `microversion ${REQUIRED.at(-1)?.[0] ?? ''} (Pike) or newer is needed`,
      },
    );
  }
  const chosen = isOlder(NEWEST, max) ? NEWEST : max;
  if (!isOlder(chosen, min)) return chosen;
  throw new FactoryError(
    'BadRequest',
    `Nova of cloud ${cloud} needs microversion ${min} or newer; the newest that this program supports is ${NEWEST}`,
    { hint: 'use a newer imagefactory-nova' },
  );
}

/** Requests Nova's microversions, and chooses the one that we use. */
export async function negotiateMicroversion(nova: ServiceClient): Promise<string> {
  const { version } = await nova.requestJson({ method: 'GET', path: '/' }, versionSchema);
  return chooseMicroversion(version.min_version, version.version, nova.http.cloud);
}
