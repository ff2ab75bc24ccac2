import { generateKeyPair, generateRsaKeyPair } from '../../guest/keys.js';
import type { Deps } from '../shared/context.js';
import type { BuildDocuments } from '../shared/build-documents.js';

export interface SshKey {
  privateKey: string;
  publicKey: string;
}

/** Makes the key on first use and keeps it in the store, never in the history: every worker of the build reads the same. */
async function loadKey(deps: Deps, build: BuildDocuments, name: string): Promise<SshKey> {
  const document = await deps.store.ensureDocument(build.uuid, name, async () =>
    JSON.stringify(await generateKeyFor(build)),
  );
  return JSON.parse(document.toString('utf8')) as SshKey;
}

/** A key that the sshd of the build's system can read. Whoever has a key keeps it: builds older than this choice have ed25519. */
async function generateKeyFor(build: BuildDocuments): Promise<SshKey> {
  const profile = await build.profile();
  return profile.oldSsh === true ? generateRsaKeyPair() : generateKeyPair();
}

/** The key pair that lets us in. */
export function loadLoginKey(deps: Deps, build: BuildDocuments): Promise<SshKey> {
  return loadKey(deps, build, 'login_key.json');
}

/** The host key that the customisation instance is given. */
export function loadHostKey(deps: Deps, build: BuildDocuments): Promise<SshKey> {
  return loadKey(deps, build, 'host_key.json');
}

/** Forgets a build's keys. */
export async function deleteKeys(deps: Deps, uuid: string): Promise<void> {
  await deps.store.deleteDocument(uuid, 'login_key.json');
  await deps.store.deleteDocument(uuid, 'host_key.json');
  await deps.store.deleteDocument(uuid, 'known_hosts');
}
