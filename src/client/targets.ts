import type { WorkflowIdReusePolicy } from '@temporalio/common';
import type { TargetImageInput, TargetParameters } from '../domain/target-image-input.js';
import { findTarget } from '../domain/find-target.js';
import { deriveTargetUuid } from '../planning/target-uuid.js';
import { describeBuild, findBaseOfTarget, type BaseOfTarget } from './base-of-target.js';
import { startImageWorkflow, type StartedBuild } from './builds.js';
import { parseTargetContent } from '../profiles/target-content.js';
import type { ImageFactoryClient } from './connection.js';
import { findImage } from './images.js';
import { startOnce, type StartedOnce } from './start-once.js';
import { describeUser } from './user.js';

export { findTarget } from '../domain/find-target.js';
export { TARGETS, type Target } from '../domain/targets.js';
export type { DiskFormatName, FormatName, RootFormatName } from '../domain/target-formats.js';
export { divideParameters, parseTargetParameters } from '../domain/target-image-input.js';
export { listTargetProfiles, type DescribedProfile, type DescribedVariant } from '../profiles/describe.js';

/** What a target image is made from, and for what. */
export interface TargetRequest {
  /** Name of the target, or one of its aliases: see {@link TARGETS}. */
  target: string;
  /** UUID of a base image. */
  baseImage: string;
  parameters?: TargetParameters;
  /**
   * Whether the base image may still be built. Then the build of the target image waits for it, and fails when the base
   * image fails. Default false: the base image must be complete.
   */
  waitForBase?: boolean;
}

/** A target image that Temporal makes, or has made. */
export type StartedTargetImage = StartedOnce;

/**
 * Starts to make a target image from a base image: the base image is downloaded, converted to the format of the target,
 * and compared. If the target needs anything in the guest, this is done in an instance of the base image before, and
 * its snapshot is converted; the base image itself stays as it is. Returns as soon as Temporal has accepted it.
 *
 * The UUID of a target image follows from its base image, its target and its parameters. So the same image is made only
 * once: when it exists or is being made, nothing starts. When its build has failed, it starts again.
 *
 * @example
 * const { uuid } = await startTargetImage(client, { target: 'vsphere', baseImage });
 *
 * @throws FactoryError `InvalidParameter` when there is no such target, or for a mistake in `target_content`
 * @throws BuildNotFoundError when there is no base image of this UUID
 * @throws BuildStateError when the base image is not complete, or is no base image
 * @throws NoWorkerError when no worker can read the store
 * @throws ClientError when Temporal refuses
 */
export async function startTargetImage(
  client: ImageFactoryClient,
  request: TargetRequest,
): Promise<StartedTargetImage> {
  const { parameters = {}, waitForBase = false } = request;
  const { name: target } = findTarget(request.target);
  parseTargetContent(parameters.target_content);
  // A base image that has just been started has no record yet.
  const base = await (waitForBase
    ? describeBuild(client, request.baseImage)
    : findBaseOfTarget(client, request.baseImage, false));
  const { uuid: baseImage, cloud } = base;
  const uuid = deriveTargetUuid({ baseImage, target, parameters });
  const input: TargetImageInput = { uuid, target, baseImage, cloud, parameters, ...(waitForBase && { waitForBase }) };
  const isKnown = !waitForBase && (await findImage(client, uuid))?.status === 'COMPLETE';
  return startOnce(client, { kind: 'target_image', uuid, isKnown }, (policy) => start(client, input, base, policy));
}

/**
 * Starts the build of a target image that ended without an image again, under the same UUID.
 *
 * @returns whether the build waits for its base image, because that is still being built
 * @throws BuildNotFoundError, BuildStateError when the base image is gone or has failed
 */
export async function restartTargetImage(
  client: ImageFactoryClient,
  input: TargetImageInput,
): Promise<{ waits: boolean }> {
  const base = await findBaseOfTarget(client, input.baseImage, true);
  const { isUnfinished: waits } = base;
  await start(client, { ...input, waitForBase: waits }, base, 'ALLOW_DUPLICATE_FAILED_ONLY');
  return { waits };
}

function start(
  client: ImageFactoryClient,
  input: TargetImageInput,
  { name, system }: BaseOfTarget,
  reusePolicy: WorkflowIdReusePolicy,
): Promise<StartedBuild> {
  const { uuid, target, baseImage, cloud } = input;
  return startImageWorkflow(client, {
    kind: 'target_image',
    uuid,
    input,
    reusePolicy,
    templateName: name,
    summary: `target image of ${name} for ${target}: ${system}`,
    details: [
      `Target image of **${name}** (${system}) for ${findTarget(target).title}`,
      '',
      `- UUID: \`${uuid}\``,
      `- base image: \`${baseImage}\``,
      `- started by: ${describeUser()}`,
    ].join('\n'),
    memo: { target, base_image: baseImage, cloud },
  });
}
