import { FactoryError } from '../../domain/errors.js';
import { connectGuest } from '../../guest/connect.js';
import { readConsoleHostKeys } from '../../guest/console-keys.js';
import type { Guest } from '../../guest/types.js';
import { openSecurityGroupForWorker } from '../instance/security-group.js';
import { type Deps, cancellationSignal } from '../shared/context.js';
import type { BuildDocuments } from '../shared/build-documents.js';
import { loadHostKey, loadLoginKey } from '../instance/ssh-keys.js';
import { getLiveServer, serverOffError } from '../instance/servers.js';
import type { GuestInput } from './guest-location.js';

/** Seconds after which an attempt to connect fails. */
const CONNECT_TIMEOUT = 30;

/**
 * Loads the host keys that the guest may present: the key that the build gave the guest, and the keys that the guest
 * printed on its console.
 */
export async function loadKnownHostKeys(deps: Deps, build: BuildDocuments): Promise<string[]> {
  const given = await loadHostKey(deps, build);
  const printed = await deps.store.readDocument(build.uuid, 'known_hosts');
  return [given.publicKey, ...(printed?.toString('utf8').split('\n').filter(Boolean) ?? [])];
}

/**
 * Stores the host keys that the guest printed on its console. Some systems do not use the host key that the build gives
 * them; then the console is the only source of their keys.
 */
export async function learnHostKeys(deps: Deps, { ref, guest }: GuestInput): Promise<void> {
  const console = await deps.clouds
    .get(ref.cloud)
    .compute.getConsoleOutput(guest.serverId, undefined, { signal: cancellationSignal() });
  const printed = readConsoleHostKeys(console);
  if (printed.length > 0) await deps.store.writeDocument(ref.uuid, 'known_hosts', printed.join('\n'));
}

/** Opens the security group for this worker, and connects to the build's guest. */
async function connectToGuest(deps: Deps, build: BuildDocuments, input: GuestInput): Promise<Guest> {
  const { ref, guest } = input;
  await openSecurityGroupForWorker(deps, ref, guest);
  const { privateKey } = await loadLoginKey(deps, build);
  const { shell, oldSsh } = await build.profile();
  return connectGuest(
    {
      host: guest.host,
      username: guest.user,
      privateKey,
      hostKeys: await loadKnownHostKeys(deps, build),
      commandPrefix: guest.prefix,
      ...(shell === undefined ? {} : { shell }),
      ...(oldSsh === undefined ? {} : { oldSsh }),
    },
    { timeout: CONNECT_TIMEOUT, signal: cancellationSignal() },
  );
}

/** Connects to the guest, runs `work`, and closes the connection. */
export async function withGuest<T>(
  deps: Deps,
  build: BuildDocuments,
  input: GuestInput,
  work: (guest: Guest) => Promise<T>,
): Promise<T> {
  const guest = await connectToGuest(deps, build, input);
  try {
    return await work(guest);
  } finally {
    guest.close();
  }
}

/**
 * Like {@link withGuest}, for a guest that an earlier step has reached. When the connection fails, checks the instance,
 * because its state may explain the failure.
 * @throws FactoryError ServerGone or ServerFailed when the instance is gone, failed or off: no further try could reach
 *   the guest, and another instance may have its address by now
 */
export async function withRunningGuest<T>(
  deps: Deps,
  build: BuildDocuments,
  input: GuestInput,
  work: (guest: Guest) => Promise<T>,
): Promise<T> {
  try {
    return await withGuest(deps, build, input, work);
  } catch (error) {
    // NotFound may mean that the security group was deleted together with the instance.
    if (mayBeBooting(error) || (error instanceof FactoryError && error.type === 'NotFound'))
      await checkInstanceRuns(deps, input);
    throw error;
  }
}

async function checkInstanceRuns(deps: Deps, { ref, guest }: GuestInput): Promise<void> {
  const server = await getLiveServer(deps, ref.cloud, guest.serverId);
  if (server.status === 'SHUTOFF') throw serverOffError(guest.serverId);
}

/** Whether a failed connection may succeed later, because the guest is still booting. */
export function mayBeBooting(error: unknown): error is FactoryError {
  return (
    error instanceof FactoryError &&
    (error.type === 'GuestUnreachable' || error.type === 'GuestLoginRefused' || error.type === 'HostKeyMismatch')
  );
}
