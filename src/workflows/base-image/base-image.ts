import { ApplicationFailure } from '@temporalio/workflow';
import type { BaseImageInput } from '../../domain/base-image-input.js';
import type { BaseImageResult } from '../../domain/messages.js';
import { SEARCH_ATTRIBUTES } from '../../domain/search-attributes.js';
import { describeInstallerLeftovers } from '../../domain/status.js';
import { captureImage } from '../lifecycle/capture-image.js';
import { customise, OWN_STEPS, type CustomisedInstance } from '../lifecycle/customise.js';
import { isAlreadyBuilt, isCanceled, isLostByReset } from '../lifecycle/failures.js';
import { createRecordWriter, runLifecycle } from '../lifecycle/lifecycle.js';
import { leaveSharedRun } from '../lifecycle/shared-run.js';
import { BaseImageBuild } from './base-image-build.js';
import { allowSshSessions } from './ssh-sessions.js';
import type { FindResumePointInput, ResumePoint } from '../../activities/resume/find-resume-point.js';
import type { GivenImage } from '../../activities/given-image/given-image.js';
import type { PublishedImage } from '../../activities/images/publish-base-image.js';
import type { FoundJeos } from '../../activities/installer/wait-for-jeos.js';

/**
 * Builds a base image: makes a plan, finds or installs the JEOS, boots an instance from it, customises this instance
 * over SSH, lists its packages, shuts it down, keeps its snapshot as the image, removes everything else, and writes the
 * record.
 */
export async function baseImage(input: BaseImageInput): Promise<BaseImageResult> {
  const build = new BaseImageBuild(input);
  const { context } = build;
  allowSshSessions(build);
  return runLifecycle(context, {
    build: () => returnIfBuilt(build, () => runPhases(build)),
    resultImages: ({ glanceId }) => [glanceId],
    mayHaveVolumes: () => build.mayHaveVolumes,
    continuesEarlierRun: input.resumed !== undefined,
    keepAfterFailure: () => (build.parameters.on_error === 'keep' ? build.parameters.keep_for : undefined),
    timeout: () => build.parameters.timeout,
    writeRecord: createRecordWriter(context),
  });
}

/** Runs the phases of a build. If the build was reset after it had completed, returns the image that it already has. */
export async function returnIfBuilt(
  build: BaseImageBuild,
  run: () => Promise<BaseImageResult>,
): Promise<BaseImageResult> {
  try {
    return await run();
  } catch (error) {
    if (!isAlreadyBuilt(error)) throw error;
    return build.steps.run(
      { name: 'built', title: 'return the image that the build has already' },
      'returnCompletedImage',
      { ref: build.ref },
    );
  }
}

/**
 * Maximum number of times that a build repeats the customisation because a workflow reset took it back to an instance
 * that no longer exists.
 */
const MAX_RESTARTS_AFTER_RESET = 2;

async function runPhases(build: BaseImageBuild): Promise<BaseImageResult> {
  await plan(build);
  let resumePoint = await chooseResumePoint(build);
  for (let restarts = 0; ; restarts++) {
    // The installer run needs its own slot in the create queue. So this build gives its slot back before it waits for
    // that run.
    await build.context.ticket.leaveQueue();
    const jeos = await ensureJeos(build);
    try {
      const customised = resumePoint.snapshotOf ?? (await customiseJeos(build, jeos));
      return await publish(build, jeos, customised);
    } catch (error) {
      if (!isLostByReset(error) || restarts === MAX_RESTARTS_AFTER_RESET) throw error;
      resumePoint = await findResumePoint(build, { discardCustomisation: restarts > 0, ignoreSnapshot: false });
    }
  }
}

async function plan(build: BaseImageBuild): Promise<void> {
  const { ref, input, status, steps } = build;
  const made = await steps.run(
    {
      name: 'plan',
      title: 'check the template and the install script, and everything that they need in the cloud',
      budget: { total: 600, attempt: 300 },
      note: ({ warnings }) => warnings.join('; ') || undefined,
    },
    'planBaseImage',
    { ref, input },
  );
  build.plan = made;
  status.status.name = made.name;
  status.status.os = made.osLabel;
  status.enterPhase('jeos', 1, [
    { key: SEARCH_ATTRIBUTES.os, value: made.os.name },
    { key: SEARCH_ATTRIBUTES.osVersion, value: made.os.version },
    { key: SEARCH_ATTRIBUTES.arch, value: made.os.arch },
    { key: SEARCH_ATTRIBUTES.template, value: made.name },
  ]);
}

/** Finds the point from which a resumed build continues. Returns an empty point for a build that is not resumed. */
async function chooseResumePoint(build: BaseImageBuild): Promise<ResumePoint> {
  const { resumed } = build.input;
  if (resumed === undefined) return {};
  const { from } = resumed;
  const choices = ['jeos', 'customise', ...build.plan.guestSteps.map(({ name }) => name)];
  if (from !== undefined && !choices.includes(from)) {
    throw ApplicationFailure.nonRetryable(
      `the build cannot be resumed from ${from}; it can be resumed from: ${choices.join(', ')}`,
      'InvalidParameter',
    );
  }
  return findResumePoint(build, {
    discardCustomisation: from === 'jeos' || from === 'customise',
    ignoreSnapshot: from !== undefined,
  });
}

function findResumePoint(
  { ref, plan: { instanceDigest }, input, steps }: BaseImageBuild,
  options: Pick<FindResumePointInput, 'discardCustomisation' | 'ignoreSnapshot'>,
): Promise<ResumePoint> {
  return steps.run(
    {
      name: 'resume-point',
      title: 'find what the earlier run of this build left',
      budget: { total: 1800 },
      note: (found) => found.note,
    },
    'findResumePoint',
    { ref, ...options, instanceDigest, from: input.resumed?.from },
  );
}

/**
 * Finds or installs the JEOS. The installer run is a workflow of its own, because several builds share it: this build
 * joins that run, waits for it, and leaves it when this build is cancelled.
 */
async function ensureJeos(build: BaseImageBuild): Promise<FoundJeos> {
  const { givenImage } = build.plan;
  if (givenImage !== undefined) return prepareGivenImage(build, givenImage);
  const { status, steps, context } = build;
  const { media_timeout, quota_timeout, snapshot_timeout } = build.parameters;
  try {
    const jeos = await steps.runWithDeadline(
      'install_timeout',
      {
        name: 'jeos',
        title: 'find the installed system (JEOS), or install it',
        graceSeconds: media_timeout + quota_timeout + snapshot_timeout,
        note: ({ reused, imageId, leftovers }) =>
          `${reused ? 'reused' : 'installed as'} image ${imageId}${describeInstallerLeftovers(leftovers)}`,
      },
      'waitForJeos',
      () => {
        const { ref, plan: planned, input } = build;
        // This input leaves out the install script, because the store already has it. Otherwise the history would
        // contain the script a second time.
        const parameters = { ...build.parameters, install_script: undefined };
        status.status.jeosWorkflowId = planned.jeosWorkflowId;
        const reuseOwnJeos = input.resumed !== undefined && input.resumed.from !== 'jeos';
        return { ref, plan: planned, parameters, heartbeatTimeout: context.heartbeatTimeout, reuseOwnJeos };
      },
    );
    status.setResource('jeos_image', jeos.imageId);
    return jeos;
  } catch (error) {
    if (isCanceled(error)) await leaveSharedRun(build.plan.jeosWorkflowId, build.ref.uuid);
    throw error;
  }
}

function customiseJeos(build: BaseImageBuild, jeos: FoundJeos): Promise<CustomisedInstance> {
  build.status.enterPhase('customise', build.plan.guestSteps.length + OWN_STEPS);
  return customise(build, { ...jeos, title: 'the JEOS' });
}

/** Finds the image that the build was given in place of a JEOS, or uploads it from its file. */
async function prepareGivenImage(build: BaseImageBuild, given: GivenImage): Promise<FoundJeos> {
  const { ref, status, steps } = build;
  const jeos = await steps.run(
    {
      name: 'jeos',
      title: 'find the image that exists, or put it into Glance',
      budget: { total: build.parameters.media_timeout },
      note: ({ imageId }) => `image ${imageId}`,
    },
    'prepareGivenImage',
    // A user who resumes a held build may name another image.
    () => ({ ref, given: build.plan.givenImage ?? given }),
  );
  status.setResource('jeos_image', jeos.imageId);
  return jeos;
}

async function publish(
  build: BaseImageBuild,
  jeos: FoundJeos,
  { serverId, packages, volumeId }: CustomisedInstance,
): Promise<BaseImageResult> {
  const { ref, status, steps } = build;
  status.enterPhase('publish', 3);
  const { published: image } = await captureImage(
    build,
    { role: 'base', serverId, rootVolume: volumeId },
    {
      snapshot: { name: 'base.snapshot', title: 'take the snapshot that becomes the base image' },
      terminate: { name: 'customise.delete', title: 'terminate the instance' },
    },
    ({ imageId }) =>
      steps.run(
        { name: 'base.publish', title: 'set the base image’s name and properties' },
        'publishBaseImage',
        () => ({
          ref,
          imageId,
          name: build.plan.imageName,
          minDisk: Math.max(build.plan.minDisk, jeos.minDisk ?? 0),
          isPublic: build.parameters.public,
        }),
      ),
  );
  return toResult(build, { jeos, image, packages });
}

/** Downloads the base image if the build's parameters ask for it, and returns the result of the build. */
export async function toResult(
  build: BaseImageBuild,
  { jeos, image, packages }: { jeos: FoundJeos; image: PublishedImage; packages: number },
): Promise<BaseImageResult> {
  const { ref, steps } = build;
  const body = build.parameters.download
    ? await steps.run(
        { name: 'download', title: 'download the base image and check its digest', budget: { total: 4 * 3600 } },
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
    ...(image.format === undefined ? {} : { format: image.format }),
    ...(image.virtualSize === undefined ? {} : { virtualSize: image.virtualSize }),
    minDisk: image.minDisk,
    body: build.plan.bodyPath,
    downloaded: body !== undefined,
    packages,
    jeos: { glance_id: jeos.imageId, digest: build.plan.jeosDigest, reused: jeos.reused, ...jeos.given },
  };
}
