import { explainUnusableBase } from '../domain/base-of-target.js';
import { SEARCH_ATTRIBUTES } from '../domain/search-attributes.js';
import { getBuildHandle, isOpen } from './builds.js';
import type { ImageFactoryClient } from './connection.js';
import { findDeletion } from './deletion.js';
import { BuildNotFoundError, BuildStateError } from './errors.js';
import { findImage } from './images.js';
import { callTemporal } from './temporal-errors.js';

/** A base image from which a target image is made. */
export interface BaseOfTarget {
  uuid: string;
  /** Name of the template. */
  name: string;
  /** Label of the operating system: "Debian 12 x86_64". */
  system: string;
  cloud: string;
  /** Whether the base image is still being built. */
  isUnfinished: boolean;
}

/**
 * Finds the base image of a target image.
 *
 * @param mayBeUnfinished whether the base image may still be built
 * @throws BuildNotFoundError when there is no such image
 * @throws BuildStateError when no target image can be made from it
 * @throws NoWorkerError when no worker can read the store
 */
export async function findBaseOfTarget(
  client: ImageFactoryClient,
  uuid: string,
  mayBeUnfinished: boolean,
): Promise<BaseOfTarget> {
  const record = await findImage(client, uuid);
  if (record === undefined) return explainMissing(client, uuid, mayBeUnfinished);
  const unusable = explainUnusableBase(record);
  const isUnfinished = unusable?.why === 'unfinished';
  if (unusable !== undefined && !(isUnfinished && mayBeUnfinished)) {
    throw new BuildStateError(uuid, unusable.message, { hint: unusable.hint });
  }
  const { name = '', cloud = '', os } = record;
  return { uuid, name, cloud, system: describeSystem([os?.name, os?.version, os?.arch]), isUnfinished };
}

/** A base image without a record: its build has just started, or it was deleted, or it has never existed. */
async function explainMissing(
  client: ImageFactoryClient,
  uuid: string,
  mayBeUnfinished: boolean,
): Promise<BaseOfTarget> {
  const deletion = await findDeletion(client, uuid);
  if (deletion !== undefined) {
    const { at, by = 'somebody' } = deletion;
    throw new BuildStateError(uuid, `base image ${uuid} was deleted at ${new Date(at).toISOString()} by ${by}`, {
      hint: 'build it again: imagefactory base_image TEMPLATE',
    });
  }
  const hint = '`imagefactory images` lists the images; --id takes the UUID of a base image';
  const base = await describeBuild(client, uuid).catch((error: unknown) => {
    if (error instanceof BuildNotFoundError) throw new BuildNotFoundError(uuid, { hint });
    throw error;
  });
  if (!base.isUnfinished) throw new BuildNotFoundError(uuid, { hint });
  const unfinished = explainUnusableBase({ identifier: uuid, status: 'BUILDING' });
  if (!mayBeUnfinished && unfinished !== undefined) {
    throw new BuildStateError(uuid, unfinished.message, { hint: unfinished.hint });
  }
  return base;
}

/**
 * Describes the build of a base image by what Temporal knows of it. A build that has just started has no record yet.
 *
 * @throws BuildNotFoundError when Temporal has no such build
 */
export async function describeBuild(client: ImageFactoryClient, uuid: string): Promise<BaseOfTarget> {
  const handle = getBuildHandle(client, uuid);
  const description = await callTemporal(() => client.withTimeout(() => handle.describe()), uuid);
  const { memo, status, typedSearchAttributes: attributes } = description;
  const { os, osVersion, arch, template } = SEARCH_ATTRIBUTES;
  return {
    uuid,
    name: attributes.get(template) ?? '',
    cloud: String(memo?.['cloud'] ?? ''),
    system: describeSystem([attributes.get(os), attributes.get(osVersion), attributes.get(arch)]),
    isUnfinished: isOpen(status.name),
  };
}

function describeSystem(parts: (string | undefined)[]): string {
  return parts.filter(Boolean).join(' ');
}
