import { lookup } from 'node:dns/promises';
import { FactoryError } from '../../domain/errors.js';
import type { MediaAccess } from '../../media/source.js';
import type { WantedProvider } from '../../providers/providers.js';

/** Keys whose values name something of the worker's machine: files, or the identity that its tools have. */
const OF_THE_WORKER = /(^|_)(file|ca|cacert|cert|key|profile|config)$/;

/**
 * Refuses a provider that a user has described, or credentials of a user, where they would reach what only the worker
 * may: its own credentials, its files, and addresses that only its machine can reach.
 *
 * @throws FactoryError InvalidParameter
 */
export async function checkGivenProvider(
  { addresses }: Pick<Required<MediaAccess>, 'addresses'>,
  { name, definition, credentials }: WantedProvider,
): Promise<void> {
  if (definition === undefined && credentials === undefined) return;
  if (credentials === undefined) {
    throw new FactoryError('InvalidParameter', `provider ${name}: a provider that a file describes needs credentials`, {
      hint: 'give a file with credentials, or let the operator of the workers add the provider to their configuration',
    });
  }
  for (const [path, value] of [...listValues(definition), ...listValues(credentials)]) {
    const key = path.at(-1) ?? '';
    if (definition !== undefined && isPartOf(definition, path) && OF_THE_WORKER.test(key)) {
      throw refuse(name, path, 'it names something of the worker’s machine, which only its own configuration may do');
    }
    if (/^file:/i.test(value)) throw refuse(name, path, 'it is a file of the worker’s machine');
    if (!/^https?:/i.test(value) || !URL.canParse(value)) continue;
    const host = new URL(value).hostname.replace(/^\[(.*)\]$/, '$1');
    const found = await lookup(host, { all: true }).catch(() => []);
    const denied = found.find(({ address }) => addresses.isDenied(address));
    if (denied !== undefined) {
      throw refuse(name, path, `${host} leads to ${denied.address}, to which this worker does not connect for users`);
    }
  }
}

function refuse(name: string, path: readonly string[], why: string): FactoryError {
  return new FactoryError('InvalidParameter', `provider ${name}: ${path.join('.')}: ${why}`, {
    hint: 'the operator of the workers can add the provider to their configuration, or open an address: allow_addresses',
  });
}

/** Lists the texts in a document, each with the keys that lead to it. */
function listValues(value: unknown, path: string[] = []): [path: string[], value: string][] {
  if (typeof value === 'string') return [[path, value]];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, entry]) => listValues(entry, [...path, key]));
}

function isPartOf(document: object, [first = '']: readonly string[]): boolean {
  return Object.hasOwn(document, first);
}
