import { FactoryError } from '../../domain/errors.js';
import { isMarkedAs, marksOfPushed, PROVIDER_KEYS } from '../../domain/provider-marks.js';
import { retryPart } from '../transfer/retry-part.js';
import type { Operation, PushedImage } from '../types.js';
import { accountId, type AzureConfiguration, galleryId, imagesScope } from './configuration.js';
import { type MadeResource, stateOf } from './lifecycle.js';
import { definitionName, managedImageName, nextVersion, normalizeRegion, versionNumber } from './names.js';
import type { Resource, ResourceManager } from './resource-manager.js';

/** Versions of the interface. They have the fields that we use, and every later one has them too. */
const GALLERIES = '2023-07-03';
const IMAGES = '2024-07-01';

/** What a disk is to Azure. */
export interface AzureDisk {
  osType: 'Windows' | 'Linux';
  /** V1 starts by BIOS, V2 by UEFI. */
  hyperVGeneration: 'V1' | 'V2';
  architecture: 'Arm64' | 'x64';
  /** Whether its boot loader is one that secure boot takes. */
  isTrusted: boolean;
}

export function describeDisk({ os, firmware, secureBoot }: PushedImage): AzureDisk {
  return {
    osType: /^windows/i.test(os.name) ? 'Windows' : 'Linux',
    hyperVGeneration: firmware === 'uefi' ? 'V2' : 'V1',
    architecture: ['aarch64', 'arm64'].includes(os.arch) ? 'Arm64' : 'x64',
    isTrusted: secureBoot && firmware === 'uefi',
  };
}

/** Returns the resource id of what is made from a blob: the image definition, or the managed image. */
export function targetId(configuration: AzureConfiguration, image: Pick<PushedImage, 'name' | 'uuid'>): string {
  const { gallery } = configuration;
  if (gallery === undefined) {
    return `${imagesScope(configuration)}/providers/Microsoft.Compute/images/${managedImageName(image)}`;
  }
  return `${galleryId(configuration, gallery.name)}/images/${gallery.definition ?? definitionName(image)}`;
}

/**
 * Returns the resource id that the image shall have. The number of a version comes from the time at which the blob was
 * made.
 */
export function wantedId(
  configuration: AzureConfiguration,
  image: Pick<PushedImage, 'name' | 'uuid'>,
  began: Date,
): string {
  const id = targetId(configuration, image);
  if (configuration.gallery === undefined) return id;
  return `${id}/versions/${versionNumber(began, configuration.gallery.version)}`;
}

/**
 * Chooses the resource that a push makes: the one that an earlier attempt has made, else the first number from the
 * wanted one on that no other image has.
 *
 * @param wanted what {@link wantedId} returns
 */
export async function chooseResource(
  operation: Operation,
  manager: ResourceManager,
  image: PushedImage,
  wanted: string,
): Promise<MadeResource> {
  const [target = '', number] = wanted.split('/versions/');
  if (number === undefined) return describeResource(wanted);
  const versions = await listMade(manager, target, operation.signal);
  const own = versions.find(({ tags }) => isMarkedAs(tags, image));
  if (own !== undefined) return describeResource(own.id);
  const taken = new Set(versions.map(({ name }) => name));
  let free = number;
  while (taken.has(free)) free = nextVersion(free);
  return describeResource(`${target}/versions/${free}`);
}

/** Describes an image version or a managed image by its resource id. */
export function describeResource(id: string): MadeResource {
  const version = /\/galleries\/([^/]+)\/images\/([^/]+)\/versions\/([^/]+)$/i.exec(id);
  if (version === null) {
    return { id, apiVersion: IMAGES, title: `managed image ${id.split('/').at(-1)}`, isNumbered: false };
  }
  const [, gallery, definition, number] = version;
  const title = `version ${number} of image ${definition} in gallery ${gallery}`;
  return { id, apiVersion: GALLERIES, title, isNumbered: true, expand: 'ReplicationStatus' };
}

/**
 * Finds what was made from blobs with this target: the versions of the image definition, or the managed image.
 *
 * @param target what {@link targetId} returns
 */
export async function listMade(manager: ResourceManager, target: string, signal: AbortSignal): Promise<Resource[]> {
  if (/\/galleries\//i.test(target)) return manager.listResources(`${target}/versions`, GALLERIES, signal);
  const image = await manager.get(target, IMAGES, signal);
  return image === undefined ? [] : [image];
}

/** Returns what Azure needs to make the image from the blob. */
export function buildBody(
  configuration: AzureConfiguration,
  image: PushedImage,
  blobUri: string,
  creator: string,
): object {
  const { region: location, gallery } = configuration;
  const tags = marksOfPushed(image, creator);
  const { osType, hyperVGeneration } = describeDisk(image);
  if (gallery === undefined) {
    const osDisk = { osType, osState: 'Generalized', blobUri, caching: 'ReadWrite' };
    return { location, tags, properties: { hyperVGeneration, storageProfile: { osDisk } } };
  }
  // Azure demands the version's own region among the targets.
  const others = gallery.target_regions.filter((name) => normalizeRegion(name) !== normalizeRegion(location));
  const targetRegions = [location, ...others].map((name) => ({ name, regionalReplicaCount: 1 }));
  const source = { storageAccountId: accountId(configuration), uri: blobUri };
  return {
    location,
    tags,
    properties: {
      publishingProfile: { targetRegions },
      storageProfile: { osDiskImage: { hostCaching: 'ReadWrite', source } },
    },
  };
}

/**
 * Compares an image definition with an image. Azure says it only after the upload, as `Conflict`.
 *
 * @returns what is wrong. Undefined when the image fits
 */
export function compareDefinition({ properties }: Resource, image: PushedImage): string | undefined {
  const { osType, hyperVGeneration, architecture } = describeDisk(image);
  const wanted = { osType, osState: 'Generalized', hyperVGeneration, architecture };
  // Azure leaves out what was not given when the definition was made.
  const is: Record<string, unknown> = { hyperVGeneration: 'V1', architecture: 'x64', ...properties };
  const wrong = Object.entries(wanted).find(([key, value]) => is[key] !== value);
  if (wrong === undefined) return undefined;
  const [key, value] = wrong;
  return `its ${key} is ${String(is[key])}, and the image needs ${value}`;
}

/** Reads the image definition for an image. Undefined when there is none. */
export async function readDefinition(
  manager: ResourceManager,
  target: string,
  signal: AbortSignal,
): Promise<Resource | undefined> {
  return manager.get(target, GALLERIES, signal);
}

/** Reads the gallery. Undefined when there is none. */
export async function readGallery(
  manager: ResourceManager,
  configuration: AzureConfiguration,
  name: string,
  signal: AbortSignal,
): Promise<Resource | undefined> {
  return manager.get(galleryId(configuration, name), GALLERIES, signal);
}

/** Makes the image definition where the configuration allows it, and checks that the image fits into it. */
export async function prepareDefinition(
  operation: Operation,
  manager: ResourceManager,
  configuration: AzureConfiguration,
  image: PushedImage,
): Promise<void> {
  const { gallery } = configuration;
  if (gallery === undefined) return;
  const id = targetId(configuration, image);
  const name = id.split('/').at(-1) ?? id;
  const title = `image definition ${name} of gallery ${gallery.name}`;
  for (;;) {
    const definition = await retryPart(operation, async () => {
      const found = await readDefinition(manager, id, operation.signal);
      if (found !== undefined) return found;
      const body = buildDefinition(configuration, image, name, operation.creator);
      if (body === undefined) throw missingDefinition(title);
      await manager.put(id, GALLERIES, body, operation.signal);
      return undefined;
    });
    if (definition !== undefined && stateOf(definition) === 'Succeeded') {
      const wrong = compareDefinition(definition, image);
      if (wrong === undefined) return;
      throw new FactoryError('Conflict', `the image does not fit into ${title}: ${wrong}`, {
        hint: 'name another definition in the provider’s configuration (gallery.definition)',
      });
    }
    if (definition !== undefined && ['Failed', 'Canceled'].includes(stateOf(definition))) {
      throw new FactoryError('ImageFailed', `${title} is ${stateOf(definition)}`, {
        hint: 'remove the definition, and push again',
      });
    }
    operation.report({ message: `Azure makes ${title}` });
    await operation.sleep(operation.pollInterval);
  }
}

function missingDefinition(title: string): FactoryError {
  return new FactoryError('NotFound', `there is no ${title}`, {
    hint: 'make it (az sig image-definition create), or allow it in the configuration: gallery.create_definition',
  });
}

/** A definition is for many images: it carries the marks of the program, not those of an image. */
function buildDefinition(
  { region: location, gallery }: AzureConfiguration,
  image: PushedImage,
  name: string,
  creator: string,
) {
  if (gallery?.create_definition === undefined) return undefined;
  const { publisher, offer = image.os.name.slice(0, 64), sku = name.slice(0, 64) } = gallery.create_definition;
  const { isTrusted, ...disk } = describeDisk(image);
  const marks = marksOfPushed(image, creator);
  return {
    location,
    tags: { [PROVIDER_KEYS.tool]: marks[PROVIDER_KEYS.tool], [PROVIDER_KEYS.creator]: creator },
    properties: {
      ...disk,
      osState: 'Generalized',
      identifier: { publisher, offer, sku },
      // Instances may then start with Trusted Launch, which checks the boot loader, or without it.
      ...(isTrusted ? { features: [{ name: 'SecurityType', value: 'TrustedLaunchSupported' }] } : {}),
    },
  };
}
