import type { PreparedImageInput, PreparedImageResult } from '../../domain/prepared-image.js';
import { BuildContext } from '../lifecycle/build-context.js';
import { captureImage } from '../lifecycle/capture-image.js';
import { customise, OWN_STEPS, type GuestBuild, type LocateGuest } from '../lifecycle/customise.js';
import { runLifecycle } from '../lifecycle/lifecycle.js';
import { allowBuildsToJoin } from '../lifecycle/shared-run.js';

/**
 * Prepares a base image for a target: boots an instance from it, does in the guest what the target's profile needs,
 * checks the guest, and keeps a snapshot, from which target images are converted. The base image stays as it is. One
 * run serves all target images that need the same. Builds join the run and leave it. When the last build leaves before
 * the run ends, the run cancels itself.
 */
export async function preparedImage(input: PreparedImageInput): Promise<PreparedImageResult> {
  const { uuid, cloud, base, deadlines, heartbeatTimeout } = input;
  const context = new BuildContext({
    kind: 'prepared_image',
    uuid,
    cloud,
    name: base.name,
    deadlines,
    heartbeatTimeout,
  });
  context.status.status.os = input.osLabel;
  const run = allowBuildsToJoin(context.status);
  return runLifecycle(context, {
    build: () => run(() => prepare(context, input)),
    mayHaveVolumes: () => input.plan.volumes !== undefined,
    resultImages: ({ imageId }) => [imageId],
  });
}

async function prepare(
  context: BuildContext<'prepared_image'>,
  { base, plan, parameters, requirements, digest }: PreparedImageInput,
): Promise<PreparedImageResult> {
  const { ref, status, steps } = context;
  const build: GuestBuild = { context, ref, status, steps, plan, parameters, locateGuest: undefined };
  // One step in addition to those of the customisation: the check.
  status.enterPhase('customise', plan.guestSteps.length + OWN_STEPS + 1);
  const check = async (locateGuest: LocateGuest): Promise<void> => {
    await steps.run(
      {
        name: 'check',
        title: 'check that the guest will boot on its target: drivers and arguments of the kernel',
        budget: { total: 1200 },
        note: (checked) => checked.note,
      },
      'checkGuest',
      () => ({ ref, guest: locateGuest(), requirements }),
    );
  };
  const image = { imageId: base.imageId, title: 'the base image', reused: false, proven: true };
  const { serverId, volumeId } = await customise(build, image, check);
  status.enterPhase('publish', 3);
  const { imageId } = await captureImage(
    context,
    { role: 'prepared', serverId, rootVolume: volumeId },
    {
      snapshot: { name: 'prepared.snapshot', title: 'take the snapshot that target images are converted from' },
      terminate: { name: 'customise.delete', title: 'terminate the instance' },
    },
    (taken) =>
      steps.run({ name: 'prepared.publish', title: 'mark the snapshot with its digest' }, 'publishPrepared', {
        ref,
        imageId: taken.imageId,
        digest,
        base,
      }),
  );
  return { imageId };
}
