import { FactoryError } from '../../domain/errors.js';
import type { OpenedSession } from '../../domain/messages.js';
import { SESSION_KEY } from '../../guest/guest-shell.js';
import { readKeyBlob } from '../../guest/keys.js';
import type { Guest } from '../../guest/types.js';
import { openSecurityGroup } from '../instance/security-group.js';
import { type Deps, reportProgress, cancellationSignal } from '../shared/context.js';
import { loadProfile } from '../shared/documents.js';
import { knownHostKeys, withGuest } from './guest-connection.js';
import type { GuestInput } from '../shared/types.js';

/** Seconds that a change of the keys may take. */
const TIMEOUT = 60;

export interface SessionInput extends GuestInput {
  /** One line, as in `authorized_keys`, without options. */
  publicKey: string;
  /** CIDR from which the session comes, where that is not the worker's own address. */
  from?: string;
}

/** Lets somebody with the key in to the guest, as the user that we are let in as. */
export async function openSession(deps: Deps, input: SessionInput): Promise<OpenedSession> {
  const { ref, guest: location, publicKey, from } = input;
  reportProgress({ message: 'letting a session in' });
  if (from !== undefined) await openSecurityGroup(deps, ref, location, [from]);
  const line = `${publicKey.trim().split(/\s+/).slice(0, 2).join(' ')} ${SESSION_KEY}`;
  await withGuest(deps, input, (guest) => changeKeys(guest, guest.shell.allowKey(location.user, line)));
  const { oldSsh } = (await loadProfile(deps, ref.uuid)).profile;
  return {
    host: location.host,
    user: location.user,
    hostKeys: await knownHostKeys(deps, ref.uuid),
    ...(oldSsh === undefined ? {} : { oldSsh }),
  };
}

/** Lets nobody in with the key any more. */
export async function closeSession(deps: Deps, input: SessionInput): Promise<void> {
  await withGuest(deps, input, (guest) =>
    changeKeys(guest, guest.shell.revokeKey(input.guest.user, readKeyBlob(input.publicKey))),
  );
}

async function changeKeys(guest: Guest, script: string): Promise<void> {
  const { exitCode, stderr } = await guest.run(script, { timeout: TIMEOUT, signal: cancellationSignal() });
  if (exitCode === 0) return;
  throw new FactoryError('CommandFailed', `the session’s key could not be changed in the guest: ${stderr.trim()}`);
}
