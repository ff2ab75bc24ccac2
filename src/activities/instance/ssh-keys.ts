import { generateKeyPair, generateRsaKeyPair } from '../../guest/keys.js';
import type { Deps } from '../shared/context.js';
import type { BuildDocuments } from '../shared/build-documents.js';

export interface SshKey {
  privateKey: string;
  publicKey: string;
}

/**
 * Reads a key from the store, and creates it on its first use. The key is in the store so that every worker of the
 * build reads the same one. It is never in the history.
 */
async function loadKey(deps: Deps, build: BuildDocuments, name: string): Promise<SshKey> {
  const document = await deps.store.ensureDocument(build.uuid, name, async () =>
    JSON.stringify(await generateKeyFor(build)),
  );
  return JSON.parse(document.toString('utf8')) as SshKey;
}

/**
 * Generates a key of a type that the sshd of the build's system supports. A build that has a key already keeps it:
 * builds of older releases have an ed25519 key.
 */
async function generateKeyFor(build: BuildDocuments): Promise<SshKey> {
  const profile = await build.profile();
  return profile.oldSsh === true ? generateRsaKeyPair() : generateKeyPair();
}

/** Loads the key pair with which the build logs in. */
export function loadLoginKey(deps: Deps, build: BuildDocuments): Promise<SshKey> {
  return loadKey(deps, build, 'login_key.json');
}

/** Loads the SSH host key that the build gives the customised instance. */
export function loadHostKey(deps: Deps, build: BuildDocuments): Promise<SshKey> {
  return loadKey(deps, build, 'host_key.json');
}

/** Deletes a build's keys and its `known_hosts` from the store. */
export async function deleteKeys(deps: Deps, uuid: string): Promise<void> {
  await deps.store.deleteDocument(uuid, 'login_key.json');
  await deps.store.deleteDocument(uuid, 'host_key.json');
  await deps.store.deleteDocument(uuid, 'known_hosts');
}
