import {
  CancellationScope,
  defineQuery,
  getExternalWorkflowHandle,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import type { BaseImageInput } from '../build/input.js';
import { JEOS_LEAVE_SIGNAL, STATUS_QUERY, type BaseImageResult } from '../build/messages.js';
import type { BuildRef } from '../build/names.js';
import { SEARCH_ATTRIBUTES } from '../build/search-attributes.js';
import type { BuildStatus } from '../build/status.js';
import type { JeosFound, PlannedBuild } from '../activities/types.js';
import { Board } from './board.js';
import { customise } from './customise.js';
import { Deadlines, withinTime } from './deadlines.js';
import { endOf } from './ending.js';
import { isCanceled } from './failures.js';

/**
 * Builds a base image, as the article tells it: plan, install (or find) the JEOS, boot it, customise it over SSH, list
 * its packages, shut it down, keep the snapshot, remove everything else, write the record.
 */
export async function baseImage(input: BaseImageInput): Promise<BaseImageResult> {
  const heartbeat = input.heartbeatTimeout ?? 60;
  const ref: BuildRef = { uuid: input.uuid, cloud: input.cloud, workflowId: workflowInfo().workflowId };
  const board = new Board(
    { uuid: input.uuid, type: 'base_image', cloud: input.cloud, name: input.templateName },
    heartbeat,
  );
  const { install_timeout, inactivity_timeout, boot_timeout, shutdown_timeout, snapshot_timeout } = input.parameters;
  const deadlines = new Deadlines({
    install_timeout,
    inactivity_timeout,
    boot_timeout,
    shutdown_timeout,
    snapshot_timeout,
  });
  setHandler(defineQuery<BuildStatus>(STATUS_QUERY), () => board.status);

  return endOf(
    board,
    ref,
    () => withinTime(input.parameters.timeout, () => build(input, ref, board, deadlines, heartbeat)),
    async (result) => ({ keepImages: [result.glanceId] }),
    async (result, failure) => {
      await board.step({ name: 'record', title: 'write the record' }, 'writeFinalRecord', {
        ref,
        result,
        failure,
        timings: board.timings(),
        status: result !== undefined ? 'COMPLETE' : failure?.type === 'Canceled' ? 'CANCELED' : 'FAILED',
      });
    },
  );
}

async function build(
  input: BaseImageInput,
  ref: BuildRef,
  board: Board,
  deadlines: Deadlines,
  heartbeat: number,
): Promise<BaseImageResult> {
  const plan = await planned(input, ref, board);
  const jeos = await installed(input, plan, ref, board, deadlines, heartbeat);
  const customised = await customise(input, plan, jeos, ref, board, deadlines);
  return publish(input, plan, jeos, customised, ref, board, deadlines);
}

async function planned(input: BaseImageInput, ref: BuildRef, board: Board): Promise<PlannedBuild> {
  const plan = await board.step(
    {
      name: 'plan',
      title: 'check the template and the install script, and everything that they need in the cloud',
      budget: { total: 600, attempt: 300 },
      note: (planned) => planned.warnings.join('; ') || undefined,
    },
    'planBaseImage',
    { ref, input },
  );
  board.status.name = plan.name;
  board.status.os = plan.osLabel;
  board.enter('jeos', 1, [
    { key: SEARCH_ATTRIBUTES.os, value: plan.os.name },
    { key: SEARCH_ATTRIBUTES.osVersion, value: plan.os.version },
    { key: SEARCH_ATTRIBUTES.arch, value: plan.os.arch },
    { key: SEARCH_ATTRIBUTES.template, value: plan.name },
  ]);
  return plan;
}

/** The installer run is a workflow of its own, because builds share it; it is joined, awaited, and left when cancelled. */
async function installed(
  input: BaseImageInput,
  plan: PlannedBuild,
  ref: BuildRef,
  board: Board,
  deadlines: Deadlines,
  heartbeat: number,
): Promise<JeosFound> {
  board.status.jeosWorkflowId = plan.jeosWorkflowId;
  try {
    const jeos = await deadlines.under('install_timeout', (_deadline, left) =>
      board.step(
        {
          name: 'jeos',
          title: 'find the installed system (JEOS), or install it',
          budget: {
            total:
              left +
              input.parameters.media_timeout +
              input.parameters.quota_timeout +
              input.parameters.snapshot_timeout,
          },
          note: (found) => (found.reused ? `reused image ${found.imageId}` : `installed as image ${found.imageId}`),
        },
        'waitForJeos',
        // The script is in the store by now; here it would stand in the history once more.
        { ref, plan, parameters: { ...input.parameters, install_script: undefined }, heartbeatTimeout: heartbeat },
      ),
    );
    board.holds('jeos_image', jeos.imageId);
    return jeos;
  } catch (error) {
    if (isCanceled(error)) await leaveJeos(ref, plan);
    throw error;
  }
}

async function leaveJeos(ref: BuildRef, plan: PlannedBuild): Promise<void> {
  await CancellationScope.nonCancellable(async () => {
    try {
      await getExternalWorkflowHandle(plan.jeosWorkflowId).signal(JEOS_LEAVE_SIGNAL, ref.uuid);
    } catch {
      // It has ended, or was never started: there is nothing to leave.
    }
  });
}

async function publish(
  input: BaseImageInput,
  plan: PlannedBuild,
  jeos: JeosFound,
  customised: { serverId: string; packages: number },
  ref: BuildRef,
  board: Board,
  deadlines: Deadlines,
): Promise<BaseImageResult> {
  board.enter('publish', 3);
  const { serverId, packages } = customised;
  const snapshot = await deadlines.under('snapshot_timeout', (deadline, left) =>
    board.step(
      {
        name: 'base.snapshot',
        title: 'take the snapshot that becomes the base image',
        budget: { total: left + 120 },
        note: (image) => `image ${image.imageId}, ${image.size} bytes`,
      },
      'snapshotServer',
      { ref, role: 'base', serverId, name: plan.imageName, deadline },
    ),
  );
  board.holds('base_image', snapshot.imageId);
  const [image] = await Promise.all([
    board.step({ name: 'base.publish', title: 'set the base image’s name and properties' }, 'publishBaseImage', {
      ref,
      imageId: snapshot.imageId,
      name: plan.imageName,
      minDisk: plan.minDisk,
      isPublic: input.parameters.public,
    }),
    board.step({ name: 'customise.delete', title: 'terminate the instance' }, 'deleteServer', { ref, serverId }),
  ]);
  const body = input.parameters.download
    ? await board.step(
        { name: 'download', title: 'fetch the base image and check its digest', budget: { total: 4 * 3600 } },
        'downloadBody',
        { ref, imageId: image.imageId },
      )
    : undefined;
  return {
    uuid: input.uuid,
    glanceId: image.imageId,
    checksum: image.checksum,
    checksumMd5: image.checksumMd5,
    size: image.size,
    minDisk: image.minDisk,
    body: plan.bodyPath,
    downloaded: body !== undefined,
    packages,
    jeos: { glance_id: jeos.imageId, digest: plan.jeosDigest, reused: jeos.reused },
  };
}
