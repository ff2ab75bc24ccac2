import { FactoryError } from '../../domain/errors.js';
import { connectGuest } from '../../guest/connect.js';
import { readConsoleHostKeys } from '../../guest/console-keys.js';
import type { Guest } from '../../guest/types.js';
import { openSecurityGroupForWorker } from '../instance/security-group.js';
import { type Deps, cancellationSignal } from '../shared/context.js';
import { loadProfile } from '../shared/documents.js';
import { loadHostKey, loadLoginKey } from '../instance/ssh-keys.js';
import { livingServer, serverOff } from '../instance/servers.js';
import type { GuestInput } from '../shared/types.js';

/** Seconds that a connection may take to be made. */
const CONNECT_TIMEOUT = 30;

/** The host keys that the guest may have: the one that it was given, and those that it printed on its own console. */
export async function knownHostKeys(deps: Deps, uuid: string): Promise<string[]> {
  const given = await loadHostKey(deps, uuid);
  const printed = await deps.store.readDocument(uuid, 'known_hosts');
  return [given.publicKey, ...(printed?.toString('utf8').split('\n').filter(Boolean) ?? [])];
}

/**
 * Remembers the host keys that the guest printed on its console: the way to know a guest whose system did not take the
 * key that it was given.
 */
export async function learnHostKeys(deps: Deps, { ref, guest }: GuestInput): Promise<void> {
  const console = await deps.clouds
    .get(ref.cloud)
    .compute.getConsoleOutput(guest.serverId, undefined, { signal: cancellationSignal() });
  const printed = readConsoleHostKeys(console);
  if (printed.length > 0) await deps.store.writeDocument(ref.uuid, 'known_hosts', printed.join('\n'));
}

/** Connects to the build's guest; this worker is let in first. */
export async function connectToGuest(deps: Deps, input: GuestInput): Promise<Guest> {
  const { ref, guest } = input;
  await openSecurityGroupForWorker(deps, ref, guest);
  const { privateKey } = await loadLoginKey(deps, ref.uuid);
  const { shell, oldSsh } = (await loadProfile(deps, ref.uuid)).profile;
  return connectGuest(
    {
      host: guest.host,
      username: guest.user,
      privateKey,
      hostKeys: await knownHostKeys(deps, ref.uuid),
      commandPrefix: guest.prefix,
      ...(shell === undefined ? {} : { shell }),
      ...(oldSsh === undefined ? {} : { oldSsh }),
    },
    { timeout: CONNECT_TIMEOUT, signal: cancellationSignal() },
  );
}

/** Does something with the guest over a connection of its own. */
export async function withGuest<T>(deps: Deps, input: GuestInput, work: (guest: Guest) => Promise<T>): Promise<T> {
  const guest = await connectToGuest(deps, input);
  try {
    return await work(guest);
  } finally {
    guest.close();
  }
}

/**
 * The same for a guest that has been reached before: when it is out of reach, its instance may have the reason.
 *
 * @throws FactoryError ServerGone or ServerFailed when the instance is gone, failed or off: no further try would reach it, and
 *   another instance may have its address by now
 */
export async function inGuest<T>(deps: Deps, input: GuestInput, work: (guest: Guest) => Promise<T>): Promise<T> {
  try {
    return await withGuest(deps, input, work);
  } catch (error) {
    // With an instance its security group may have gone.
    if (isBooting(error) || (error instanceof FactoryError && error.type === 'NotFound')) await checkRuns(deps, input);
    throw error;
  }
}

async function checkRuns(deps: Deps, { ref, guest }: GuestInput): Promise<void> {
  const server = await livingServer(deps, ref.cloud, guest.serverId);
  if (server.status === 'SHUTOFF') throw serverOff(guest.serverId);
}

/** Whether a failed connection is worth another try while the guest is still booting. */
export function isBooting(error: unknown): error is FactoryError {
  return (
    error instanceof FactoryError &&
    (error.type === 'GuestUnreachable' || error.type === 'GuestLoginRefused' || error.type === 'HostKeyMismatch')
  );
}
