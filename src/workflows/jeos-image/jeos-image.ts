import { CancellationScope, defineQuery, defineSignal, setHandler, workflowInfo } from '@temporalio/workflow';
import {
  JEOS_JOIN_SIGNAL,
  JEOS_LEAVE_SIGNAL,
  STATUS_QUERY,
  type JeosImageInput,
  type JeosImageResult,
} from '../../domain/messages.js';
import type { BuildRef } from '../../domain/names.js';
import type { BuildStatus } from '../../domain/status.js';
import { SHORT } from '../lifecycle/activity-options.js';
import { Board } from '../lifecycle/step-runner.js';
import { Deadlines } from '../lifecycle/deadlines.js';
import { imageOf, madeVolumes } from '../lifecycle/capture-image.js';
import { endOf } from '../lifecycle/with-cleanup.js';
import { Place } from '../create-queue/queue-ticket.js';

/**
 * Installs a JEOS: boots the operating system's own installer, waits until it powers its machine off, and keeps a
 * snapshot. One run serves every build that needs the same JEOS; they join it, and when the last of them has left before
 * the end, the run is cancelled.
 */
export async function jeosImage(input: JeosImageInput): Promise<JeosImageResult> {
  const info = workflowInfo();
  const ref: BuildRef = { uuid: info.originalExecutionRunId, cloud: input.cloud, workflowId: info.workflowId };
  const deadlines = new Deadlines(input.deadlines);
  const board = new Board(
    { uuid: ref.uuid, type: 'jeos_image', cloud: input.cloud, name: input.name },
    input.heartbeatTimeout,
    deadlines,
    { customise: 90, publish: 90 },
  );
  board.status.os = input.osLabel;
  setHandler(defineQuery<BuildStatus>(STATUS_QUERY), () => board.status);

  const run = new CancellationScope({ cancellable: true });
  const builds = new Set<string>();
  setHandler(defineSignal<[string]>(JEOS_JOIN_SIGNAL), (uuid) => void builds.add(uuid));
  setHandler(defineSignal<[string]>(JEOS_LEAVE_SIGNAL), (uuid) => {
    if (!builds.delete(uuid) || builds.size > 0) return;
    board.canceling();
    run.cancel();
  });

  const place = new Place(board);
  const jeos = await endOf(board, ref, () => run.run(() => install(input, ref, board, deadlines, place)), {
    leave: () => place.leave(),
    volumes: () => input.volumes !== undefined,
    kept: ({ imageId }) => ({ keepImages: [imageId] }),
  });
  const { leftovers = [] } = board.status;
  return leftovers.length === 0 ? jeos : { ...jeos, leftovers };
}

async function install(
  input: JeosImageInput,
  ref: BuildRef,
  board: Board,
  deadlines: Deadlines,
  place: Place,
): Promise<JeosImageResult> {
  const { documentsId: documents } = input;
  const medium = input.volumes?.media === true;
  board.enter('jeos', 4);
  const media = await board.step(
    {
      name: 'media',
      title: `find or fetch ${medium ? 'the install medium' : 'the installer’s kernel and ramdisk'}, and put ${medium ? 'it' : 'them'} into Glance`,
      budget: { total: input.mediaTimeout },
      note: (found) => found.notes.join('; '),
    },
    'prepareMedia',
    { ref, documentsId: documents },
  );
  const { kernelId, ramdiskId, isoId, volumeId, driversId, pin } = media;
  const boot = await board.step(
    {
      name: 'boot-image',
      title: 'create the image that boots the installer, with its kernel, ramdisk and command line',
      // A disk of ours is made of the media: what moves them once more may take as long.
      budget: { total: Math.max(SHORT.total, input.mediaTimeout), attempt: input.mediaTimeout },
    },
    'createBootImage',
    { ref, documentsId: documents, kernelId, ramdiskId, isoId, volumeId, driversId, pin },
  );
  const volumes = await madeVolumes(board, 'installer.volumes', {
    ref,
    documentsId: documents,
    ...(input.volumes?.root === undefined ? {} : { root: { imageId: boot.imageId, size: input.volumes.root } }),
    media: boot.media ?? [],
    timeout: input.quotaTimeout,
  });
  const installer = await board.create(
    { name: 'installer.create', title: 'boot the installer as an instance' },
    place,
    { ref, role: 'installer', line: input.queueId, patience: input.quotaTimeout },
    () => ({
      documentsId: documents,
      imageId: boot.imageId,
      flavorId: input.flavorId,
      networkId: input.networkId,
      volumes,
    }),
  );
  board.holds('installer', installer.serverId);
  const off = await board.wait(
    'install_timeout',
    {
      name: 'installer.wait',
      title: 'wait until the installer powers its machine off',
      note: (end) => `powered off after ${Math.round(end.seconds)} s`,
    },
    'waitForPowerOff',
    (deadline) => {
      const inactivity = deadlines.get('inactivity_timeout');
      return { ref, documentsId: documents, serverId: installer.serverId, deadline, inactivity };
    },
  );
  board.status.consoleTail = off.consoleTail;

  board.enter('publish', 3);
  const { imageId } = await imageOf(
    board,
    { ref, role: 'jeos', serverId: installer.serverId, rootVolume: volumes?.root, name: `${input.name}-jeos` },
    {
      snapshot: { name: 'jeos.snapshot', title: 'take the snapshot of the installed system (JEOS)' },
      terminate: { name: 'installer.delete', title: 'terminate the installer’s instance' },
    },
    (taken) =>
      board.step(
        {
          name: 'jeos.publish',
          title: 'strip the installer’s boot properties from the JEOS and mark it with its digest',
        },
        'publishJeos',
        { ref, documentsId: documents, imageId: taken.imageId, digest: input.digest, minDisk: input.minDisk },
      ),
  );
  return { imageId, digest: input.digest };
}
