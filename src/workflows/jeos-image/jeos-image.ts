import { workflowInfo } from '@temporalio/workflow';
import type { JeosImageInput, JeosImageResult } from '../../domain/messages.js';
import { SHORT } from '../lifecycle/activity-options.js';
import { BuildContext } from '../lifecycle/build-context.js';
import { captureImage, createVolumesIfNeeded } from '../lifecycle/capture-image.js';
import { runLifecycle } from '../lifecycle/lifecycle.js';
import { allowBuildsToJoin } from '../lifecycle/shared-run.js';

type JeosBuild = BuildContext<'jeos_image'>;

/**
 * Installs a JEOS: boots the operating system's own installer, waits until it powers its machine off, and keeps a
 * snapshot. One run serves every build that needs the same JEOS. Builds join the run and leave it. When the last build
 * leaves before the run ends, the run cancels itself.
 */
export async function jeosImage(input: JeosImageInput): Promise<JeosImageResult> {
  const { cloud, name, deadlines, heartbeatTimeout } = input;
  const uuid = workflowInfo().originalExecutionRunId;
  const build = new BuildContext({ kind: 'jeos_image', uuid, cloud, name, deadlines, heartbeatTimeout });
  const { status } = build;
  status.status.os = input.osLabel;

  const run = allowBuildsToJoin(status);
  const jeos = await runLifecycle(build, {
    build: () => run(() => install(input, build)),
    mayHaveVolumes: () => input.volumes !== undefined,
    resultImages: ({ imageId }) => [imageId],
  });
  const { leftovers = [] } = status.status;
  return leftovers.length === 0 ? jeos : { ...jeos, leftovers };
}

async function install(input: JeosImageInput, build: JeosBuild): Promise<JeosImageResult> {
  const { documentsId } = input;
  const { ref, status, steps, deadlines, ticket } = build;
  status.enterPhase('jeos', 4);
  const medium = input.volumes?.media === true;
  const media = await steps.run(
    {
      name: 'media',
      title: medium
        ? 'find or fetch the install medium, and put it into Glance'
        : 'find or fetch the installer’s kernel and ramdisk, and put them into Glance',
      budget: { total: input.mediaTimeout },
      note: (found) => found.notes.join('; '),
    },
    'prepareMedia',
    { ref, documentsId },
  );
  const { kernelId, ramdiskId, isoId, volumeId, driversId, pin } = media;
  const boot = await steps.run(
    {
      name: 'boot-image',
      title: 'create the image that boots the installer, with its kernel, ramdisk and command line',
      // The step may write the media into a disk that we make. This may take as long as fetching the media.
      budget: { total: Math.max(SHORT.total, input.mediaTimeout), attempt: input.mediaTimeout },
    },
    'createBootImage',
    { ref, documentsId, kernelId, ramdiskId, isoId, volumeId, driversId, pin },
  );
  const volumes = await createVolumesIfNeeded(build, 'installer.volumes', {
    documentsId,
    ...(input.volumes?.root === undefined ? {} : { root: { imageId: boot.imageId, size: input.volumes.root } }),
    media: boot.media ?? [],
    timeout: input.quotaTimeout,
  });
  const installer = await ticket.createServer(
    { name: 'installer.create', title: 'boot the installer as an instance' },
    { role: 'installer', queueId: input.queueId, timeout: input.quotaTimeout },
    () => ({ documentsId, imageId: boot.imageId, flavorId: input.flavorId, networkId: input.networkId, volumes }),
  );
  status.setResource('installer', installer.serverId);
  const off = await steps.runWithDeadline(
    'install_timeout',
    {
      name: 'installer.wait',
      title: 'wait until the installer powers its machine off',
      note: ({ seconds }) => `powered off after ${Math.round(seconds)} s`,
    },
    'waitForPowerOff',
    (deadline) => {
      const inactivityTimeout = deadlines.get('inactivity_timeout');
      return { ref, documentsId, serverId: installer.serverId, deadline, inactivityTimeout };
    },
  );
  status.status.consoleTail = off.consoleTail;

  status.enterPhase('publish', 3);
  const { imageId } = await captureImage(
    build,
    { role: 'jeos', serverId: installer.serverId, rootVolume: volumes?.root },
    {
      snapshot: { name: 'jeos.snapshot', title: 'take the snapshot of the installed system (JEOS)' },
      terminate: { name: 'installer.delete', title: 'terminate the installer’s instance' },
    },
    (taken) =>
      steps.run(
        {
          name: 'jeos.publish',
          title: 'remove the installer’s boot properties from the JEOS and mark it with its digest',
        },
        'publishJeos',
        { ref, documentsId, imageId: taken.imageId, digest: input.digest, minDisk: input.minDisk },
      ),
  );
  return { imageId, digest: input.digest };
}
