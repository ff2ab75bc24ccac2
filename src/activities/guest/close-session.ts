import { readKeyBlob } from '../../guest/keys.js';
import type { Deps } from '../shared/context.js';
import { loadBuild } from '../shared/build-documents.js';
import { withGuest } from './guest-connection.js';
import { type SshSessionInput, changeAuthorizedKeys } from './authorized-keys.js';

/** Removes the user's key from the guest. */
export async function closeSession(deps: Deps, input: SshSessionInput): Promise<void> {
  await withGuest(deps, loadBuild(deps, input.ref.uuid), input, (guest) =>
    changeAuthorizedKeys(guest, guest.shell.revokeKey(input.guest.user, readKeyBlob(input.publicKey))),
  );
}
