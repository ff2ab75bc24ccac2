import { randomUUID } from 'node:crypto';
import type { TargetImageInput, TargetParameters } from '../domain/target-image-input.js';
import { findTarget } from '../domain/targets.js';
import { parseTargetContent } from '../profiles/target-content.js';
import { startImageWorkflow, type StartedBuild } from './builds.js';
import type { ImageFactoryClient } from './connection.js';
import { BuildNotFoundError, BuildStateError } from './errors.js';
import { findImage } from './images.js';
import { describeUser } from './user.js';

export { findTarget, TARGETS, type Target } from '../domain/targets.js';
export { listTargetProfiles, type DescribedProfile, type DescribedVariant } from '../profiles/describe.js';

/** What a target image is made from, and for what. */
export interface TargetRequest {
  /** Name of the target, or one of its aliases: see {@link TARGETS}. */
  target: string;
  /** UUID of a complete base image. */
  baseImage: string;
  parameters?: TargetParameters;
}

/**
 * Starts to make a target image from a base image: the base image is downloaded, converted to the format of the target,
 * and compared. If the target needs anything in the guest, this is done in an instance of the base image before, and
 * its snapshot is converted; the base image itself stays as it is. Returns as soon as Temporal has accepted it.
 *
 * @example
 * const { uuid } = await startTargetImage(client, { target: 'vsphere', baseImage });
 *
 * @throws FactoryError `InvalidParameter` when there is no such target, or for a mistake in `target_content`
 * @throws BuildNotFoundError when the store has no base image of this UUID
 * @throws BuildStateError when the base image is not complete, or is no base image
 * @throws NoWorkerError when no worker can read the store
 * @throws ClientError when Temporal refuses
 */
export async function startTargetImage(client: ImageFactoryClient, request: TargetRequest): Promise<StartedBuild> {
  const { name: target, title } = findTarget(request.target);
  const base = await findImage(client, request.baseImage);
  if (base === undefined) throw new BuildNotFoundError(request.baseImage);
  const { identifier: baseImage, status, type, name = '', cloud = '', os } = base;
  if (type !== 'BaseImage') throw new BuildStateError(baseImage, `image ${baseImage} is no base image`);
  if (status !== 'COMPLETE') {
    throw new BuildStateError(baseImage, `base image ${baseImage} is ${status ?? 'unknown'}, not COMPLETE`, {
      hint: `imagefactory watch ${baseImage} follows its build`,
    });
  }
  parseTargetContent(request.parameters?.target_content);
  const uuid = randomUUID();
  const input: TargetImageInput = { uuid, target, baseImage, cloud, parameters: request.parameters ?? {} };
  const system = [os?.name, os?.version, os?.arch].filter(Boolean).join(' ');
  return startImageWorkflow(client, {
    kind: 'target_image',
    uuid,
    input,
    reusePolicy: 'REJECT_DUPLICATE',
    templateName: name,
    summary: `target image of ${name} for ${target}: ${system}`,
    details: [
      `Target image of **${name}** (${system}) for ${title}`,
      '',
      `- UUID: \`${uuid}\``,
      `- base image: \`${baseImage}\``,
      `- started by: ${describeUser()}`,
    ].join('\n'),
    memo: { target, base_image: baseImage, cloud },
  });
}
