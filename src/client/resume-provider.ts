import type { ResumeRequest } from '../domain/messages.js';
import {
  changeProviderParameters,
  parseProviderParameters,
  type ProviderImageInput,
} from '../domain/provider-image-input.js';
import type { ImageFactoryClient } from './connection.js';
import { BuildStateError } from './errors.js';
import type { ImageRecord } from './images.js';
import { restartProviderImage } from './providers.js';

/**
 * Starts the push of a provider image that ended without an image again. It goes on with what was uploaded.
 *
 * @param from the input of the earlier run, or the record when Temporal has forgotten that run
 * @param point the point from which the user wants the build to repeat its work; a push has no such points
 * @returns a sentence that says what the build does now
 * @throws BuildNotFoundError, BuildStateError when the target image is gone or has failed
 */
export async function resumeProviderImage(
  client: ImageFactoryClient,
  from: ProviderImageInput | ImageRecord,
  change: Pick<ResumeRequest, 'template' | 'parameters'>,
  point: string | undefined,
): Promise<string> {
  const input = 'identifier' in from ? inputFromRecord(from) : from;
  const { uuid } = input;
  if (point !== undefined) {
    throw new BuildStateError(uuid, `image ${uuid} is a provider image, which cannot be resumed from ${point}`, {
      hint: `leave --from out: imagefactory resume ${uuid}`,
    });
  }
  await restartProviderImage(client, { ...input, parameters: changeProviderParameters(input.parameters, change) });
  return `push ${uuid} is started again, and goes on with what was uploaded`;
}

function inputFromRecord(record: ImageRecord): ProviderImageInput {
  const {
    identifier: uuid,
    target_image_id: targetImage = '',
    provider: name = '',
    cloud = '',
    parameters = {},
  } = record;
  const { provider_definition: definition } = record;
  if (record.provider_credentials === 'given') {
    throw new BuildStateError(uuid, `the credentials of push ${uuid} were removed when it had ended`, {
      hint: 'give the command again with the credentials: imagefactory provider_image goes on with what was uploaded',
    });
  }
  const provider = { name, ...(definition === undefined ? {} : { definition }) };
  return { uuid, targetImage, provider, cloud, parameters: parseProviderParameters(parameters) };
}
