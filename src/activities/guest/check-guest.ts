import { FactoryError } from '../../domain/errors.js';
import type { GuestRequirements } from '../../domain/prepared-image.js';
import { readFindings, renderCheckScript } from '../../profiles/check.js';
import { hasRequirements } from '../../profiles/prepare.js';
import { cancellationSignal, reportProgress, type Deps } from '../shared/context.js';
import { loadBuild } from '../shared/build-documents.js';
import { withRunningGuest } from './guest-connection.js';
import type { GuestInput } from './guest-location.js';

/** Seconds that the guest may take to list its initramfs; a slow guest with several kernels needs minutes. */
const TIMEOUT = 900;

/** What was checked, for people. */
export interface CheckedGuest {
  note: string;
}

/**
 * Checks that a guest has what it needs to boot on its target: drivers in the initramfs and in the kernel, arguments of
 * the kernel in the boot loader's configuration.
 * @throws FactoryError ImageFailed, which names what is missing, and what to add to the template
 */
export async function checkGuest(
  deps: Deps,
  input: GuestInput & { requirements: GuestRequirements },
): Promise<CheckedGuest> {
  const { requirements } = input;
  if (!hasRequirements(requirements)) return { note: 'the target needs no drivers and no arguments' };
  const build = loadBuild(deps, input.ref.uuid);
  reportProgress({ message: 'listing the drivers in the initramfs' });
  const { exitCode, stdout, stderr } = await withRunningGuest(deps, build, input, (guest) =>
    guest.run(renderCheckScript(requirements), { timeout: TIMEOUT, signal: cancellationSignal() }),
  );
  if (exitCode !== 0) {
    throw new FactoryError('CommandFailed', `the check of the guest ended with exit status ${exitCode}: ${stderr}`);
  }
  const { missing, kernels } = readFindings(stdout, requirements);
  if (missing.length > 0) {
    throw new FactoryError(
      'ImageFailed',
      `the image would not boot on its target: ${missing.map(({ what }) => what).join('; ')}`,
      {
        hint:
          `add to the template of the base image: ${[...new Set(missing.map(({ advice }) => advice))].join(' ')}; ` +
          '--parameter target_profile none converts the base image as it is',
      },
    );
  }
  if (kernels.length === 0) return { note: 'not checked: the guest has no kernel with an initramfs' };
  return { note: `kernel ${kernels.join(', ')} has all drivers and arguments` };
}
