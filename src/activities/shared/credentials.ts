import { z } from 'zod';
import { FactoryError } from '../../domain/errors.js';
import type { CredentialsKey } from '../../domain/provider-image.js';
import type { SealedCredentials } from '../../domain/sealed-credentials.js';
import { generateSealKeys, unseal } from '../../planning/sealed-credentials.js';
import { isSecretName } from '../../domain/provider-secrets.js';
import type { Store } from '../../store/types.js';
import type { Deps } from './context.js';

/** Name of the store's document with the private key for the credentials of one push. */
const KEY = 'credentials.key';

const credentialsSchema = z.record(z.string(), z.unknown());

/** Makes the key to which a client encrypts the credentials of one push. A second call returns the same key. */
export async function prepareCredentials(deps: Deps, { keyId }: { keyId: string }): Promise<CredentialsKey> {
  const document = await deps.store.ensureDocument(keyId, KEY, () => JSON.stringify(generateSealKeys()));
  const { publicKey } = readKeys(document);
  return { keyId, publicKey };
}

/** Credentials of a provider, by the names that its own tools give them. */
export type Credentials = Readonly<Record<string, unknown>>;

/**
 * Decrypts the credentials that a user has given. Returns undefined when there are none, and when their key is gone,
 * because their push has ended.
 */
export async function findCredentials(
  { store }: { store: Pick<Store, 'readDocument'> },
  sealed: SealedCredentials | undefined,
): Promise<Credentials | undefined> {
  const document = sealed === undefined ? undefined : await store.readDocument(sealed.keyId, KEY);
  if (sealed === undefined || document === undefined) return undefined;
  return credentialsSchema.parse(JSON.parse(unseal(sealed.text, readKeys(document).privateKey)));
}

/**
 * Decrypts the credentials that a user has given. Returns undefined when the worker's own are to be used.
 *
 * @throws FactoryError AuthenticationFailed when their key is gone, because their push has ended
 */
export async function readCredentials(
  deps: { store: Pick<Store, 'readDocument'> },
  sealed: SealedCredentials | undefined,
): Promise<Credentials | undefined> {
  const credentials = await findCredentials(deps, sealed);
  if (credentials !== undefined || sealed === undefined) return credentials;
  throw new FactoryError('AuthenticationFailed', 'the credentials of this command were removed when it had ended', {
    hint: 'give the command again, with the credentials',
  });
}

/** Forgets the key of credentials, so that nobody can decrypt them any more. */
export async function forgetCredentials({ store }: Deps, { keyId }: { keyId: string }): Promise<void> {
  await store.deleteRecord(keyId);
}

/** Lists the texts of credentials that must not be shown: not the names and addresses, which messages need. */
export function listSecrets(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, entry]) =>
    typeof entry === 'string' ? (isSecretName(key) ? [entry] : []) : listSecrets(entry),
  );
}

function readKeys(document: Buffer): { publicKey: string; privateKey: string } {
  return z.object({ publicKey: z.string(), privateKey: z.string() }).parse(JSON.parse(document.toString('utf8')));
}
