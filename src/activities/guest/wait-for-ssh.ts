import { FactoryError } from '../../domain/errors.js';
import { checkPrivilege } from '../../guest/access.js';
import type { Server } from '../../openstack/types.js';
import { type Deps, reportProgress, cancellationSignal, sleep } from '../shared/context.js';
import { loadBuild } from '../shared/build-documents.js';
import { mayBeBooting, learnHostKeys, withGuest } from './guest-connection.js';
import { getLiveServer } from '../instance/servers.js';
import { formatConsoleTail } from '../shared/console-tail.js';
import { markProven } from '../images/mark-proven.js';
import type { FoundJeos } from '../installer/wait-for-jeos.js';
import type { GuestInput } from './guest-location.js';

/** How many failed connections there are between two checks of the state of the instance. */
const SERVER_CHECK = 10;

export function getInstance(deps: Deps, { ref, guest }: GuestInput): Promise<Server> {
  return getLiveServer(deps, ref.cloud, guest.serverId);
}

async function failAtDeadline(
  deps: Deps,
  { ref, guest, jeos }: GuestInput & { jeos: FoundJeos },
  last: FactoryError,
): Promise<never> {
  const console = await deps.clouds
    .get(ref.cloud)
    .compute.getConsoleOutput(guest.serverId, 100, { signal: cancellationSignal() })
    .catch(() => '');
  const never = jeos.reused && !jeos.proven;
  const unproven =
    `no build has ever logged in to JEOS ${jeos.imageId}, which an earlier build installed: ` +
    '--parameter reuse_jeos False installs another JEOS; ';
  const advice =
    last.hint ??
    'check that the installed system starts sshd and cloud-init, and that the user in default_user exists in it; ' +
      '--parameter boot_timeout gives the system more time';
  throw new FactoryError(last.type, `no login over SSH by the deadline: ${last.message}`, {
    hint: `${never ? unproven : ''}${advice}`,
    consoleTail: formatConsoleTail(console),
    cause: last,
  });
}

/** Waits until the build can log in to the guest over SSH and become root. */
export async function waitForSsh(deps: Deps, input: GuestInput & { deadline: number; jeos: FoundJeos }): Promise<void> {
  const build = loadBuild(deps, input.ref.uuid);
  for (let tries = 1; ; tries++) {
    try {
      await withGuest(deps, build, input, (guest) =>
        checkPrivilege(guest, input.guest.prefix, { signal: cancellationSignal() }),
      );
      if (!input.jeos.proven) await markProven(deps, input.ref.cloud, input.jeos.imageId);
      return;
    } catch (error) {
      if (!mayBeBooting(error) || !error.retryable) throw error;
      if (Date.now() >= input.deadline) return failAtDeadline(deps, input, error);
      reportProgress({ message: error.message });
      if (error.type === 'HostKeyMismatch') await learnHostKeys(deps, input);
      if (tries % SERVER_CHECK === 0) {
        const server = await getInstance(deps, input);
        if (server.status === 'SHUTOFF')
          throw new FactoryError('ServerFailed', `instance ${server.id} switched itself off while it booted`);
      }
      await sleep(Math.min(deps.pollInterval, Math.max(100, input.deadline - Date.now())));
    }
  }
}
