import { FactoryError } from '../../domain/errors.js';
import { maskSecrets } from '../../planning/secrets.js';
import { checkPrivilege, removeKeyAndShutDown } from '../../guest/access.js';
import type { Server } from '../../openstack/types.js';
import { type Deps, reportProgress, cancellationSignal, sleep } from '../shared/context.js';
import { loadSecrets } from '../shared/documents.js';
import { isBooting, learnHostKeys, withGuest } from './guest-connection.js';
import { markProven } from '../images/publish-image.js';
import { loadLoginKey } from '../instance/ssh-keys.js';
import { tailOf } from '../installer/wait-for-power-off.js';
import { isGone, livingServer, serverFailed, serverGone, serverOff } from '../instance/servers.js';
import type { GuestInput, JeosFound } from '../shared/types.js';

/** Polls between two looks at the server behind a guest that does not answer. */
const SERVER_CHECK = 10;
/** Milliseconds after which a guest that has not gone down by itself is sent the ACPI button, and again. */
const BUTTON_AFTER = 60_000;

function living(deps: Deps, { ref, guest }: GuestInput): Promise<Server> {
  return livingServer(deps, ref.cloud, guest.serverId);
}

async function gaveUp(
  deps: Deps,
  { ref, guest, jeos }: GuestInput & { jeos: JeosFound },
  last: FactoryError,
): Promise<never> {
  const console = await deps.clouds
    .get(ref.cloud)
    .compute.getConsoleOutput(guest.serverId, 100, { signal: cancellationSignal() })
    .catch(() => '');
  const never = jeos.reused && !jeos.proven;
  const unproven = `JEOS ${jeos.imageId} of an earlier build has never let a build in: --parameter reuse_jeos False installs another; `;
  const advice =
    last.hint ??
    'see that the installed system starts sshd and cloud-init, and that default_user is its user; boot_timeout gives it more time';
  throw new FactoryError(last.type, `no login over SSH by the deadline: ${last.message}`, {
    hint: `${never ? unproven : ''}${advice}`,
    consoleTail: maskSecrets(tailOf(console), await loadSecrets(deps, ref.uuid)),
    cause: last,
  });
}

/** Waits until the guest lets us in over SSH and lets us be root. */
export async function waitForSsh(deps: Deps, input: GuestInput & { deadline: number; jeos: JeosFound }): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      await withGuest(deps, input, (guest) =>
        checkPrivilege(guest, input.guest.prefix, { signal: cancellationSignal() }),
      );
      if (!input.jeos.proven) await markProven(deps, input.ref.cloud, input.jeos.imageId);
      return;
    } catch (error) {
      if (!isBooting(error) || !error.retryable) throw error;
      if (Date.now() >= input.deadline) return gaveUp(deps, input, error);
      reportProgress({ message: error.message });
      if (error.type === 'HostKeyMismatch') await learnHostKeys(deps, input);
      if (tries % SERVER_CHECK === 0) {
        const server = await living(deps, input);
        if (server.status === 'SHUTOFF')
          throw new FactoryError('ServerFailed', `instance ${server.id} switched itself off while it booted`);
      }
      await sleep(Math.min(deps.pollInterval, Math.max(100, input.deadline - Date.now())));
    }
  }
}

/** Document of the instance that was told to shut down. An instance that is off by itself still has the build's key in it, and its journal. */
const TOLD = 'shutdown_told';

async function wasTold(deps: Deps, { ref, guest }: GuestInput): Promise<boolean> {
  return (await deps.store.readDocument(ref.uuid, TOLD))?.toString('utf8') === guest.serverId;
}

/**
 * Tells the guest to forget our key and to go down. A guest that has forgotten the key has been told by an earlier try;
 * one that cannot be reached may still have it, so that is an error, and the next try looks whether it is off.
 */
async function tellShutDown(deps: Deps, input: GuestInput): Promise<void> {
  const { publicKey } = await loadLoginKey(deps, input.ref.uuid);
  try {
    await withGuest(deps, input, async (guest) => {
      // First: it may be off before we hear of it, and whoever tries again may be another worker or another activity.
      await deps.store.writeDocument(input.ref.uuid, TOLD, input.guest.serverId);
      await removeKeyAndShutDown(guest, publicKey, { cleanUp: guest.shell.lastCleanUp, signal: cancellationSignal() });
    });
  } catch (error) {
    if (!(error instanceof FactoryError)) throw error;
    if (error.type === 'CommandFailed') await deps.store.deleteDocument(input.ref.uuid, TOLD);
    if (error.type !== 'GuestLoginRefused' || !(await wasTold(deps, input))) throw error;
    reportProgress({ message: 'the guest has forgotten the build’s key' });
  }
}

/**
 * Removes the build's key and shuts the guest down; waits until it is off.
 * @throws FactoryError ServerFailed when it is off without having been told
 */
export async function shutDownGuest(deps: Deps, input: GuestInput & { deadline: number }): Promise<void> {
  const { cloud, servers } = deps.watch(input.ref.cloud);
  const { serverId } = input.guest;
  if ((await living(deps, input)).status === 'SHUTOFF') {
    if (await wasTold(deps, input)) return;
    throw serverOff(serverId);
  }
  await tellShutDown(deps, input);
  let button = Date.now() + BUTTON_AFTER;
  try {
    for (;;) {
      const server = (await servers.next(serverId, cancellationSignal())) ?? (await living(deps, input));
      if (isGone(server)) throw serverGone(serverId);
      if (server.status === 'ERROR') throw await serverFailed(deps, input.ref.cloud, server);
      if (server.status === 'SHUTOFF' && server['OS-EXT-STS:task_state'] === null) return;
      if (Date.now() >= input.deadline) {
        throw new FactoryError(
          'DeadlineExceeded',
          `the guest is still ${server.status} at the deadline of its shutdown`,
          {
            hint: '--parameter shutdown_timeout gives it more time',
          },
        );
      }
      reportProgress({ message: `instance is ${server.status}` });
      if (Date.now() >= button && server['OS-EXT-STS:task_state'] === null) {
        await cloud.compute.stopServer(serverId, { signal: cancellationSignal() });
        button = Date.now() + BUTTON_AFTER;
      }
    }
  } finally {
    servers.stopWaiting(serverId);
  }
}
