import type { OpenedSession } from '../../domain/messages.js';
import { SESSION_KEY } from '../../guest/guest-shell.js';
import { openSecurityGroup } from '../instance/security-group.js';
import { type Deps, reportProgress } from '../shared/context.js';
import { loadBuild } from '../shared/build-documents.js';
import { loadKnownHostKeys, withGuest } from './guest-connection.js';
import { type SshSessionInput, changeAuthorizedKeys } from './authorized-keys.js';

/** Adds a user's public key to the guest, for the account that the build itself uses. */
export async function openSession(deps: Deps, input: SshSessionInput): Promise<OpenedSession> {
  const { ref, guest: location, publicKey, from } = input;
  const build = loadBuild(deps, ref.uuid);
  reportProgress({ message: 'adding the user’s key to the guest' });
  if (from !== undefined) await openSecurityGroup(deps, ref, location, [from]);
  const line = `${publicKey.trim().split(/\s+/).slice(0, 2).join(' ')} ${SESSION_KEY}`;
  await withGuest(deps, build, input, (guest) =>
    changeAuthorizedKeys(guest, guest.shell.allowKey(location.user, line)),
  );
  const { oldSsh } = await build.profile();
  return {
    host: location.host,
    user: location.user,
    hostKeys: await loadKnownHostKeys(deps, build),
    ...(oldSsh === undefined ? {} : { oldSsh }),
  };
}
