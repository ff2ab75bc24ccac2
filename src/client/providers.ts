import type { WorkflowIdReusePolicy } from '@temporalio/common';
import { FactoryError } from '../domain/errors.js';
import { WORKFLOWS } from '../domain/messages.js';
import type { DescribedProvider, ReadProvidersInput } from '../domain/provider-image.js';
import type { ProviderChoice, ProviderImageInput, ProviderParameters } from '../domain/provider-image-input.js';
import { PROVIDER_KINDS, type ProviderKindName } from '../domain/provider-kinds.js';
import { deriveTargetUuid } from '../planning/target-uuid.js';
import { deriveProviderUuid } from '../planning/provider-uuid.js';
import { startImageWorkflow, type StartedBuild } from './builds.js';
import type { ImageFactoryClient } from './connection.js';
import { BuildNotFoundError, BuildStateError } from './errors.js';
import { findImage, type ImageRecord } from './images.js';
import { callTemporal } from './temporal-errors.js';
import { workflowIdFor } from '../domain/image-kinds.js';
import { runReadWorkflow } from './run-workflow.js';
import { sealCredentials } from './seal-credentials.js';
import { startOnce, type StartedOnce } from './start-once.js';
import { startTargetImage, type StartedTargetImage } from './targets.js';
import type { TargetParameters } from '../domain/target-image-input.js';
import { describeUser } from './user.js';

export { parseProviderParameters, PROVIDER_PARAMETERS } from '../domain/provider-image-input.js';
export { PROVIDER_KINDS, type ProviderKindName } from '../domain/provider-kinds.js';
export type { DescribedProvider, Finding } from '../domain/provider-image.js';

/** Seconds that the workers may take to describe their providers. */
const READ_TIMEOUT = 180;

/** Where an image is pushed to. */
export interface GivenProvider {
  /** Name of a provider of the workers; or the name of the file that describes one. */
  name: string;
  /** What the file says of the provider: the keys of an entry of `providers`. Unset: the workers know the provider. */
  definition?: Readonly<Record<string, unknown>>;
  /**
   * Credentials for this push alone. They are encrypted before they leave this process, and nobody can decrypt them
   * when the push has ended. Unset: the workers' own.
   */
  credentials?: Readonly<Record<string, unknown>>;
}

/** What is pushed, and to where. */
export interface ProviderRequest {
  /** UUID of a target image. */
  targetImage: string;
  provider: GivenProvider;
  parameters?: ProviderParameters;
  /** Whether the target image may still be made, so that the push waits for it. Default false. */
  waitForTarget?: boolean;
}

/** A provider image that Temporal makes, or has made. */
export type StartedProviderImage = StartedOnce;

/**
 * Starts to push a target image to a provider: the file is uploaded, and registered as an image there. Returns as soon
 * as Temporal has accepted it.
 *
 * The UUID of a provider image follows from its target image and its provider. So an image is pushed to a provider only
 * once: when it is there or on its way, nothing starts. When its build has failed, it starts again, and goes on with
 * what was uploaded.
 *
 * @example
 * const { uuid } = await startProviderImage(client, { targetImage, provider: { name: 'images-eu' } });
 *
 * @throws BuildNotFoundError when there is no target image of this UUID
 * @throws BuildStateError when the target image is not complete, or is no target image
 * @throws NoWorkerError when no worker can read the store
 * @throws ClientError when Temporal refuses
 */
export async function startProviderImage(
  client: ImageFactoryClient,
  request: ProviderRequest,
): Promise<StartedProviderImage> {
  return startPush(client, request, await findTargetImage(client, request.targetImage, request.waitForTarget === true));
}

/** @param source a record with the name, the system and the cloud of the image */
async function startPush(
  client: ImageFactoryClient,
  request: ProviderRequest,
  source: Pick<ImageRecord, 'name' | 'os' | 'cloud'>,
): Promise<StartedProviderImage> {
  const { targetImage, parameters = {}, waitForTarget = false } = request;
  const { name, definition } = request.provider;
  const choice = { name, ...(definition === undefined ? {} : { definition }) };
  const uuid = deriveProviderUuid({ targetImage, provider: choice }, request.provider.credentials);
  const isKnown = !waitForTarget && (await findImage(client, uuid))?.status === 'COMPLETE';
  return startOnce(client, { kind: 'provider_image', uuid, isKnown }, async (policy) => {
    const credentials = await sealCredentials(client, request.provider.credentials);
    const provider: ProviderChoice = { ...choice, ...(credentials === undefined ? {} : { credentials }) };
    const { cloud = '' } = source;
    const input = { uuid, targetImage, provider, cloud, parameters, ...(waitForTarget && { waitForTarget }) };
    return start(client, input, source, policy);
  });
}

/**
 * Starts the push of a provider image that ended without an image again, under the same UUID.
 *
 * @throws BuildNotFoundError, BuildStateError when the target image is gone or not complete, or the push had
 *   credentials of its own, which are gone
 */
export async function restartProviderImage(client: ImageFactoryClient, input: ProviderImageInput): Promise<void> {
  const { uuid, targetImage, provider } = input;
  if (provider.credentials !== undefined) {
    throw new BuildStateError(uuid, `the credentials of push ${uuid} were removed when it had ended`, {
      hint: 'give the command again with the credentials: imagefactory provider_image goes on with what was uploaded',
    });
  }
  const target = await findTargetImage(client, targetImage, true);
  const waitForTarget = target.status !== 'COMPLETE';
  await start(client, { ...input, waitForTarget }, target, 'ALLOW_DUPLICATE_FAILED_ONLY');
}

function start(
  client: ImageFactoryClient,
  input: ProviderImageInput,
  { name = '', os }: Pick<ImageRecord, 'name' | 'os'>,
  reusePolicy: WorkflowIdReusePolicy,
): Promise<StartedBuild> {
  const { uuid, targetImage, provider, cloud } = input;
  const system = [os?.name, os?.version, os?.arch].filter(Boolean).join(' ');
  return startImageWorkflow(client, {
    kind: 'provider_image',
    uuid,
    input,
    reusePolicy,
    templateName: name,
    summary: `provider image of ${name} at ${provider.name}: ${system}`,
    details: [
      `Provider image of **${name}** (${system}) at provider ${provider.name}`,
      '',
      `- UUID: \`${uuid}\``,
      `- target image: \`${targetImage}\``,
      `- started by: ${describeUser()}`,
    ].join('\n'),
    memo: { provider: provider.name, target_image: targetImage, cloud },
  });
}

/** States of a target image that is still being made. */
const UNFINISHED = ['NEW', 'PENDING', 'BUILDING', 'HELD'];

async function findTargetImage(
  client: ImageFactoryClient,
  uuid: string,
  mayBeUnfinished: boolean,
): Promise<ImageRecord> {
  const record = await findImage(client, uuid);
  if (record === undefined) {
    // A target image that was started just now has no record yet.
    if (mayBeUnfinished) return { identifier: uuid, cloud: (await describeTarget(client, uuid)).cloud };
    throw new BuildNotFoundError(uuid, { hint: '`imagefactory images` lists the images' });
  }
  const { type = 'BaseImage', status = 'FAILED' } = record;
  if (type !== 'TargetImage') {
    throw new BuildStateError(uuid, `image ${uuid} is no target image, but a ${type}`, {
      hint: 'imagefactory push makes the target image of a base image first',
    });
  }
  if (status === 'COMPLETE' || (mayBeUnfinished && UNFINISHED.includes(status))) return record;
  throw new BuildStateError(uuid, `target image ${uuid} is ${status}, not COMPLETE`, {
    hint: `imagefactory resume ${uuid} continues it; then give this command again`,
  });
}

/** Reads which cloud a target image is made in, from its build. @throws BuildNotFoundError when there is none */
async function describeTarget(client: ImageFactoryClient, uuid: string): Promise<{ cloud: string }> {
  const handle = client.temporal.workflow.getHandle(workflowIdFor('target_image', uuid));
  const { memo } = await callTemporal(() => client.withTimeout(() => handle.describe()), uuid);
  return { cloud: String(memo?.['cloud'] ?? '') };
}

/**
 * Lists the providers of the workers, by name.
 *
 * @param options `check`: also try whether the credentials work and the permissions are there; default false. `name`:
 *   only this provider
 * @throws NoWorkerError when no worker runs
 * @throws ClientError `WorkerFailed` when there is no provider of this name
 */
export function listProviders(
  client: ImageFactoryClient,
  { check = false, name }: Partial<ReadProvidersInput> = {},
): Promise<DescribedProvider[]> {
  const input: ReadProvidersInput = { check, ...(name === undefined ? {} : { name }) };
  return runReadWorkflow<DescribedProvider[]>(client, 'providers', {
    type: WORKFLOWS.readProviders,
    input,
    summary: check ? 'ask the providers whether images can be pushed to them' : 'list the providers',
    seconds: READ_TIMEOUT,
  });
}

/** An image that is pushed to a provider, and the target image that was made for it. */
export interface StartedPush {
  /** Name of the provider. */
  provider: string;
  image: StartedProviderImage;
  /** The target image that is made first. Unset when the given image is pushed itself. */
  target?: StartedTargetImage;
}

/**
 * Pushes an image to a provider. The target image that the provider takes is made first, if the image is a base image.
 *
 * @param request `image`: UUID of a base image or a target image
 * @throws the same errors as {@link startProviderImage} and startTargetImage
 */
export async function pushImage(
  client: ImageFactoryClient,
  request: {
    image: string;
    provider: GivenProvider;
    parameters?: ProviderParameters;
    targetParameters?: TargetParameters;
  },
): Promise<StartedPush> {
  const { image, provider, parameters = {}, targetParameters = {} } = request;
  const record = await findImage(client, image);
  if (record === undefined) throw new BuildNotFoundError(image, { hint: '`imagefactory images` lists the images' });
  if (record.type !== 'BaseImage' && record.type !== undefined) {
    return {
      provider: provider.name,
      image: await startProviderImage(client, { targetImage: image, provider, parameters }),
    };
  }
  const { target: name } = PROVIDER_KINDS[await findKind(client, provider)];
  const wanted = { target: name, baseImage: image, parameters: targetParameters };
  const made = deriveTargetUuid(wanted);
  // The record knows a target image also when Temporal has forgotten its build.
  if ((await findImage(client, made))?.status === 'COMPLETE') {
    return {
      provider: provider.name,
      image: await startProviderImage(client, { targetImage: made, provider, parameters }),
    };
  }
  const target = await startTargetImage(client, wanted);
  const waitForTarget = target.state !== 'complete';
  const pushed = await startPush(client, { targetImage: target.uuid, provider, parameters, waitForTarget }, record);
  return { provider: provider.name, image: pushed, target };
}

async function findKind(client: ImageFactoryClient, { name, definition }: GivenProvider): Promise<ProviderKindName> {
  const kind = definition?.['kind'] ?? (await listProviders(client, { name }))[0]?.kind;
  if (typeof kind === 'string' && Object.hasOwn(PROVIDER_KINDS, kind)) return kind as ProviderKindName;
  throw new FactoryError(
    'InvalidParameter',
    `provider ${name}: ${JSON.stringify(kind ?? null)} is no kind of provider`,
    {
      hint: `the kinds are ${Object.keys(PROVIDER_KINDS).join(', ')}`,
    },
  );
}
