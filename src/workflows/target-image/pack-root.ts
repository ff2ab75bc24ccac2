import type { PlannedTarget } from '../../activities/convert/plan-target-image.js';
import type { RootPlan } from '../../activities/convert/plan-root.js';
import type { ConvertedDisk } from '../../domain/target-image-result.js';
import type { RootFormatName } from '../../domain/target-formats.js';
import type { BuildContext } from '../lifecycle/build-context.js';
import { bootInstance, type GuestBuild } from '../lifecycle/customise.js';

/**
 * Boots the base image once more, removes the machine's identity from the guest, and packs its root file system. The
 * clean-up of the build removes the instance.
 */
export async function packRoot(
  context: BuildContext<'target_image'>,
  planned: PlannedTarget,
  { instance: plan, parameters, minDisk }: RootPlan,
  format: RootFormatName,
): Promise<ConvertedDisk> {
  const { ref, status, steps, deadlines } = context;
  deadlines.replace(parameters);
  // The steps of the boot, and the one that cleans the guest.
  status.enterPhase('fetch', 5);
  const build: GuestBuild = { context, ref, status, steps, plan, parameters, locateGuest: undefined };
  const image = { imageId: planned.source.imageId, title: 'the base image', reused: false, proven: true };
  const { locateGuest } = await bootInstance(build, image);
  await steps.run(
    { name: 'clean', title: 'remove the machine’s identity from the guest', budget: { total: 1800 } },
    'cleanGuest',
    (round) => ({ ref, guest: locateGuest(), round }),
  );
  status.enterPhase('convert');
  return steps.run(
    {
      name: 'pack',
      title: `pack the root file system as ${format}, and compare the result with what the guest says`,
      // Half of an attempt may be a wait for space: see withSpace.
      budget: { total: 48 * 3600, attempt: 24 * 3600 },
      note: ({ verifiedBy, converter }) => `packed by ${converter}, verified by ${verifiedBy}`,
    },
    'packRootFileSystem',
    () => {
      const { name, imageName, os, source, prepared } = planned;
      const made = { name, imageName, os, source, ...(prepared === undefined ? {} : { prepared }) };
      return { ref, guest: locateGuest(), format, minDisk, planned: made };
    },
  );
}
