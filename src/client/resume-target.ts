import { MASK } from '../domain/mask.js';
import type { ResumeRequest } from '../domain/messages.js';
import { changeTargetParameters, parseTargetParameters, type TargetImageInput } from '../domain/target-image-input.js';
import type { ImageFactoryClient } from './connection.js';
import { BuildStateError } from './errors.js';
import type { ImageRecord } from './images.js';
import { restartTargetImage } from './targets.js';

/**
 * Starts the build of a target image that ended without an image again. The converted file is used again when it is
 * complete, and the base image's file when the worker's cache still has it.
 *
 * @param from the input of the earlier run, or the record when Temporal has forgotten that run
 * @param point the point from which the user wants the build to repeat its work; a target image has no such points
 * @returns a sentence that says what the build does now
 * @throws BuildNotFoundError, BuildStateError when the base image is gone or has failed
 * @throws FactoryError InvalidParameter when the request would change what the image is like
 */
export async function resumeTargetImage(
  client: ImageFactoryClient,
  from: TargetImageInput | ImageRecord,
  change: Pick<ResumeRequest, 'template' | 'parameters'>,
  point: string | undefined,
): Promise<string> {
  const input = 'identifier' in from ? inputFromRecord(from) : from;
  const { uuid, baseImage } = input;
  if (point !== undefined) {
    throw new BuildStateError(uuid, `image ${uuid} is a target image, which cannot be resumed from ${point}`, {
      hint: `leave --from out: imagefactory resume ${uuid}`,
    });
  }
  const parameters = changeTargetParameters(input.parameters, change);
  const { waits } = await restartTargetImage(client, { ...input, parameters });
  return waits
    ? `build ${uuid} is started again, and waits for base image ${baseImage}, which is still being built`
    : `build ${uuid} is started again, and uses again what is left of it`;
}

/**
 * Makes the input of a target image from its record.
 *
 * @throws BuildStateError when the record does not have all of it, because passwords are masked there
 */
function inputFromRecord(record: ImageRecord): TargetImageInput {
  const { identifier: uuid, target = '', base_image_id: baseImage = '', cloud = '', parameters = {} } = record;
  if (String(parameters['target_content']).includes(MASK)) {
    throw new BuildStateError(uuid, `Temporal has forgotten build ${uuid}, and its record has no passwords`, {
      hint: 'give the command again: imagefactory target_image TARGET --id BASE_UUID',
    });
  }
  return { uuid, target, baseImage, cloud, parameters: parseTargetParameters(parameters) };
}
