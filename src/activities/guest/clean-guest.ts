import { checkPrivilege } from '../../guest/access.js';
import { type Deps, cancellationSignal } from '../shared/context.js';
import { loadBuild } from '../shared/build-documents.js';
import { withRunningGuest } from './guest-connection.js';
import { recordAllSteps } from '../instance/instance-record.js';
import { OWN_SCRIPT_TIMEOUT, RERUNS, runScriptOnce } from './run-script-once.js';
import { listTemplateFiles } from './template-files.js';
import type { GuestInput } from './guest-location.js';

/**
 * Removes the machine's identity from the guest, so that the image contains nothing that belongs to this one instance.
 */
export async function cleanGuest(deps: Deps, input: GuestInput & { round: string }): Promise<void> {
  const build = loadBuild(deps, input.ref.uuid);
  const [profile, kept] = await Promise.all([build.profile(), listTemplateFiles(build)]);
  await withRunningGuest(deps, build, input, async (guest) => {
    await checkPrivilege(guest, input.guest.prefix, { signal: cancellationSignal() });
    const { title, script } = profile.cleanGuest(kept);
    const { round } = input;
    await recordAllSteps(deps, build, input.guest.serverId);
    // Cleans the guest even if an earlier run of the build has cleaned it, because this run may have repeated steps
    // since then.
    const how = { timeout: OWN_SCRIPT_TIMEOUT, round, forceRerun: true, reruns: RERUNS };
    await runScriptOnce(deps, guest, { uuid: input.ref.uuid, key: 'clean', title, script, ...how });
  });
}
