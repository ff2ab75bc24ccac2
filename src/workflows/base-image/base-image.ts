import { CancellationScope, defineQuery, getExternalWorkflowHandle, setHandler } from '@temporalio/workflow';
import { ApplicationFailure } from '@temporalio/workflow';
import type { BaseImageInput } from '../../domain/base-image-input.js';
import { JEOS_LEAVE_SIGNAL, STATUS_QUERY, type BaseImageResult } from '../../domain/messages.js';
import { SEARCH_ATTRIBUTES } from '../../domain/search-attributes.js';
import { describeInstallerLeftovers, type BuildStatus } from '../../domain/status.js';
import type { FindResumePoint, JeosFound, ResumePoint } from '../../activities/shared/types.js';
import { Board } from '../lifecycle/step-runner.js';
import { Course } from './build-context.js';
import { customise, type Customised } from './customise.js';
import { Deadlines, withinTime } from '../lifecycle/deadlines.js';
import { imageOf } from '../lifecycle/capture-image.js';
import { endOf } from '../lifecycle/with-cleanup.js';
import { isAlreadyBuilt, isCanceled, isLostByReset } from '../lifecycle/failures.js';
import { Hold } from '../lifecycle/hold.js';
import { Place } from '../create-queue/queue-ticket.js';
import { allowSessions } from './ssh-sessions.js';

/**
 * Builds a base image, as the article tells it: plan, install (or find) the JEOS, boot it, customise it over SSH, list
 * its packages, shut it down, keep the snapshot, remove everything else, write the record.
 */
export async function baseImage(input: BaseImageInput): Promise<BaseImageResult> {
  const heartbeat = input.heartbeatTimeout ?? 60;
  const deadlines = new Deadlines(input.parameters);
  const board = new Board(
    { uuid: input.uuid, type: 'base_image', cloud: input.cloud, name: input.templateName },
    heartbeat,
    deadlines,
  );
  const place = new Place(board);
  const course = new Course(input, place);
  const hold = new Hold(course, board, deadlines, heartbeat);
  allowSessions(course, board, heartbeat);
  setHandler(defineQuery<BuildStatus>(STATUS_QUERY), () => board.status);
  CancellationScope.current().cancelRequested.catch(() => board.canceling());
  const clock = {
    limit: () => course.parameters.timeout,
    held: () => hold.held + place.waited,
    isHeld: () => hold.isHeld || place.isWaiting,
  };

  return endOf(board, course.ref, () => withinTime(clock, () => build(course, board, heartbeat)), {
    kept: (result) => ({ keepImages: [result.glanceId] }),
    leave: () => place.leave(),
    volumes: () => course.mayHaveVolumes,
    startsWithNothing: input.resumed === undefined,
    keepFailed: () => (course.parameters.on_error === 'keep' ? course.parameters.keep_for : undefined),
    finish: async (result, failure) => {
      await board.step({ name: 'record', title: 'write the record' }, 'writeFinalRecord', {
        ref: course.ref,
        result,
        failure,
        timings: board.timings(),
        status: result !== undefined ? 'COMPLETE' : failure?.type === 'Canceled' ? 'CANCELED' : 'FAILED',
      });
    },
  });
}

async function build(course: Course, board: Board, heartbeat: number): Promise<BaseImageResult> {
  try {
    return await lifecycle(course, board, heartbeat);
  } catch (error) {
    if (!isAlreadyBuilt(error)) throw error;
    return board.step({ name: 'built', title: 'take the image that the build has already' }, 'returnCompletedImage', {
      ref: course.ref,
    });
  }
}

/** How often a build goes on from what is left when it was reset to a moment whose instance has gone. */
const NEW_BEGINNINGS = 2;

async function lifecycle(course: Course, board: Board, heartbeat: number): Promise<BaseImageResult> {
  await planned(course, board);
  let remains = await remaining(course, board);
  for (let begun = 0; ; begun++) {
    // The installer's run needs a slot of its own: nobody waits for it who holds one.
    await course.place.leave();
    const jeos = await installed(course, board, heartbeat);
    try {
      const customised = remains.snapshotOf ?? (await customise(course, jeos, board));
      return await publish(course, jeos, customised, board);
    } catch (error) {
      if (!isLostByReset(error) || begun === NEW_BEGINNINGS) throw error;
      remains = await whatIsLeft(course, board, { discardGuest: begun > 0, needsGuest: false });
    }
  }
}

async function planned(course: Course, board: Board): Promise<void> {
  const plan = await board.step(
    {
      name: 'plan',
      title: 'check the template and the install script, and everything that they need in the cloud',
      budget: { total: 600, attempt: 300 },
      note: (made) => made.warnings.join('; ') || undefined,
    },
    'planBaseImage',
    { ref: course.ref, input: course.input },
  );
  course.plan = plan;
  board.status.name = plan.name;
  board.status.os = plan.osLabel;
  board.enter('jeos', 1, [
    { key: SEARCH_ATTRIBUTES.os, value: plan.os.name },
    { key: SEARCH_ATTRIBUTES.osVersion, value: plan.os.version },
    { key: SEARCH_ATTRIBUTES.arch, value: plan.os.arch },
    { key: SEARCH_ATTRIBUTES.template, value: plan.name },
  ]);
}

/** What an earlier run of this build has left to go on from. */
async function remaining(course: Course, board: Board): Promise<ResumePoint> {
  const { plan, input } = course;
  const { resumed } = input;
  if (resumed === undefined) return {};
  const { from } = resumed;
  const places = ['jeos', 'customise', ...plan.guestSteps.map(({ name }) => name)];
  if (from !== undefined && !places.includes(from)) {
    throw ApplicationFailure.nonRetryable(
      `a build cannot be resumed from ${from}; it can from: ${places.join(', ')}`,
      'InvalidParameter',
    );
  }
  return whatIsLeft(course, board, {
    discardGuest: from === 'jeos' || from === 'customise',
    needsGuest: from !== undefined,
  });
}

function whatIsLeft(
  { ref, plan, input }: Course,
  board: Board,
  how: Pick<FindResumePoint, 'discardGuest' | 'needsGuest'>,
): Promise<ResumePoint> {
  return board.step(
    {
      name: 'remains',
      title: 'see what the earlier run of this build has left',
      budget: { total: 1800 },
      note: (found) => found.note,
    },
    'findResumePoint',
    { ref, ...how, instanceDigest: plan.instanceDigest, from: input.resumed?.from },
  );
}

/** The installer run is a workflow of its own, because builds share it; it is joined, awaited, and left when cancelled. */
async function installed(course: Course, board: Board, heartbeat: number): Promise<JeosFound> {
  const { media_timeout, quota_timeout, snapshot_timeout } = course.parameters;
  try {
    const jeos = await board.wait(
      'install_timeout',
      {
        name: 'jeos',
        title: 'find the installed system (JEOS), or install it',
        beyond: media_timeout + quota_timeout + snapshot_timeout,
        note: ({ reused, imageId, leftovers }) =>
          `${reused ? 'reused' : 'installed as'} image ${imageId}${describeInstallerLeftovers(leftovers)}`,
      },
      'waitForJeos',
      () => {
        const { ref, plan, input } = course;
        // The script is in the store by now; here it would stand in the history once more.
        const parameters = { ...course.parameters, install_script: undefined };
        board.status.jeosWorkflowId = plan.jeosWorkflowId;
        const ownOfEarlierRun = input.resumed !== undefined && input.resumed.from !== 'jeos';
        return { ref, plan, parameters, heartbeatTimeout: heartbeat, ownOfEarlierRun };
      },
    );
    board.holds('jeos_image', jeos.imageId);
    return jeos;
  } catch (error) {
    if (isCanceled(error)) await leaveJeos(course);
    throw error;
  }
}

async function leaveJeos({ ref, plan }: Course): Promise<void> {
  await CancellationScope.nonCancellable(async () => {
    try {
      await getExternalWorkflowHandle(plan.jeosWorkflowId).signal(JEOS_LEAVE_SIGNAL, ref.uuid);
    } catch {
      // It has ended, or was never started: there is nothing to leave.
    }
  });
}

async function publish(
  course: Course,
  jeos: JeosFound,
  { serverId, packages, volumeId }: Customised,
  board: Board,
): Promise<BaseImageResult> {
  board.enter('publish', 3);
  const { ref } = course;
  const { published: image } = await imageOf(
    board,
    { ref, role: 'base', serverId, rootVolume: volumeId, name: course.plan.imageName },
    {
      snapshot: { name: 'base.snapshot', title: 'take the snapshot that becomes the base image' },
      terminate: { name: 'customise.delete', title: 'terminate the instance' },
    },
    ({ imageId }) =>
      board.step(
        { name: 'base.publish', title: 'set the base image’s name and properties' },
        'publishBaseImage',
        () => ({
          ref,
          imageId,
          name: course.plan.imageName,
          minDisk: course.plan.minDisk,
          isPublic: course.parameters.public,
        }),
      ),
  );
  const body = course.parameters.download
    ? await board.step(
        { name: 'download', title: 'fetch the base image and check its digest', budget: { total: 4 * 3600 } },
        'downloadBody',
        { ref, imageId: image.imageId },
      )
    : undefined;
  return {
    uuid: ref.uuid,
    glanceId: image.imageId,
    checksum: image.checksum,
    checksumMd5: image.checksumMd5,
    size: image.size,
    minDisk: image.minDisk,
    body: course.plan.bodyPath,
    downloaded: body !== undefined,
    packages,
    jeos: { glance_id: jeos.imageId, digest: course.plan.jeosDigest, reused: jeos.reused },
  };
}
