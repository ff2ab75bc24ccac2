import { FactoryError } from '../../domain/errors.js';
import { removeKeyAndShutDown } from '../../guest/access.js';
import { type Deps, reportProgress, cancellationSignal } from '../shared/context.js';
import { loadBuild } from '../shared/build-documents.js';
import { withGuest } from './guest-connection.js';
import { loadLoginKey } from '../instance/ssh-keys.js';
import { isOff, serverOffError, watchLiveServer } from '../instance/servers.js';
import { keepConsole } from '../shared/logs.js';
import { getInstance } from './wait-for-ssh.js';
import { listTemplateFiles } from './template-files.js';
import type { GuestInput } from './guest-location.js';

const MINUTE = 60_000;

/**
 * Chooses the time when Nova presses the ACPI power button of a guest that has not shut down, in milliseconds of the
 * clock. Nova switches the instance off about a minute after the press. Until then, the guest must have stopped its
 * services (systemd gives each of them 90 s) and cleaned itself: cleanLinuxAtShutdown gives itself at most 100 s. So
 * the press comes as late as the deadline allows, but not later than a slow guest needs.
 *
 * @param now when the guest was told to shut down
 * @param deadline when the build no longer waits for the guest
 */
export function choosePowerButtonTime(now: number, deadline: number): number {
  return Math.max(now + 2 * MINUTE, Math.min(deadline - 2 * MINUTE, now + 5 * MINUTE));
}

/**
 * Name of the document with the id of the instance that the build told to shut down. An instance that was switched off
 * in any other way still contains the build's key and journal.
 */
const TOLD_DOCUMENT = 'shutdown_told';

async function wasToldToShutDown(deps: Deps, { ref, guest }: GuestInput): Promise<boolean> {
  return (await deps.store.readDocument(ref.uuid, TOLD_DOCUMENT))?.toString('utf8') === guest.serverId;
}

/**
 * Tells the guest to remove the build's key and to shut down. If the guest refuses the key after an earlier try told it
 * to shut down, the key is already removed. A guest that cannot be reached may still have the key: this is an error,
 * and the next try checks whether the instance is off.
 */
async function tellGuestToShutDown(deps: Deps, input: GuestInput): Promise<void> {
  const build = loadBuild(deps, input.ref.uuid);
  const [{ publicKey }, profile, kept] = await Promise.all([
    loadLoginKey(deps, build),
    build.profile(),
    listTemplateFiles(build),
  ]);
  const cleanAtShutdown = profile.cleanAtShutdown(kept);
  try {
    await withGuest(deps, build, input, async (guest) => {
      // Writes the document before the command runs: the guest may be off before the reply arrives, and another worker
      // may make the next try.
      await deps.store.writeDocument(input.ref.uuid, TOLD_DOCUMENT, input.guest.serverId);
      const cleanUp = guest.shell.lastCleanUp;
      await removeKeyAndShutDown(guest, publicKey, { cleanUp, cleanAtShutdown, signal: cancellationSignal() });
    });
  } catch (error) {
    if (!(error instanceof FactoryError)) throw error;
    if (error.type === 'CommandFailed') await deps.store.deleteDocument(input.ref.uuid, TOLD_DOCUMENT);
    if (error.type !== 'GuestLoginRefused' || !(await wasToldToShutDown(deps, input))) throw error;
    reportProgress({ message: 'the guest no longer accepts the build’s key' });
  }
}

/**
 * Removes the build's key from the guest, shuts the guest down, and waits until its instance is off.
 * @throws FactoryError ServerFailed when the instance is off although the build did not shut it down
 */
export async function shutDownGuest(deps: Deps, input: GuestInput & { deadline: number }): Promise<void> {
  const { compute } = deps.clouds.get(input.ref.cloud);
  const { serverId } = input.guest;
  if ((await getInstance(deps, input)).status === 'SHUTOFF') {
    if (await wasToldToShutDown(deps, input)) return;
    throw serverOffError(serverId);
  }
  // Some clouds have no console for an instance that is off.
  await keepConsole(deps, input.ref, serverId);
  await tellGuestToShutDown(deps, input);
  let button = choosePowerButtonTime(Date.now(), input.deadline);
  await watchLiveServer(deps, input.ref.cloud, serverId, async (server) => {
    if (isOff(server)) return 'off';
    if (Date.now() >= input.deadline) {
      throw new FactoryError(
        'DeadlineExceeded',
        `the guest did not shut down by the deadline: its instance is still ${server.status}`,
        {
          hint: '--parameter shutdown_timeout gives it more time',
        },
      );
    }
    reportProgress({ message: `instance is ${server.status}` });
    if (Date.now() >= button && server['OS-EXT-STS:task_state'] === null) {
      await compute.stopServer(serverId, { signal: cancellationSignal() });
      button = Date.now() + 2 * MINUTE;
    }
    return undefined;
  });
}
