import { workflowIdFor } from '../../domain/image-kinds.js';
import { getPreparedWorkflowId } from '../../domain/prepared-image.js';
import { parseResourceName, readExpiry, KEYS, MARK, TOOL } from '../../domain/names.js';
import type { FoundResource } from '../../domain/sweep.js';
import { parseTimestamp } from '../../http/timestamp.js';
import type { FloatingIp, Image, KeyPair, Port, SecurityGroup, Server } from '../../openstack/types.js';
import { findJeosDocumentsId } from '../shared/jeos-ids.js';
import { withRetries } from '../shared/retry.js';
import { type Deps, reportProgress, cancellationSignal } from '../shared/context.js';
import { workflowState } from '../shared/temporal-lookups.js';
import { isOwnImage } from '../images/own-image.js';
import { isGone, listOwnServers } from '../instance/servers.js';
import { listOwnVolumes } from '../instance/volumes.js';

/** The resources found in a project, and the images on which some of them depend. */
export interface FoundResources {
  found: FoundResource[];
  /**
   * Ids of images from which an instance of ours was booted, or which an image names as its kernel or ramdisk.
   */
  referred: Set<string>;
}

/**
 * Finds all resources that imagefactory has created in the cloud's project. `found` does not contain a user's snapshot
 * to which Nova has copied our marks. But such a snapshot may need our kernel and ramdisk to boot, so `referred`
 * contains the ids of these two images.
 */
export async function findResources(deps: Deps, cloudName: string): Promise<FoundResources> {
  reportProgress({ message: `looking for resources with imagefactory’s mark in cloud ${cloudName}` });
  const cloud = deps.clouds.get(cloudName);
  const options = { signal: cancellationSignal() };
  const project = await withRetries(deps, () => cloud.getProjectId(options));
  // Compare the project, because administrators see the resources of other projects, and everyone sees public images of
  // other projects.
  const isOurs = (resource: { project_id?: string }): boolean => resource.project_id === project;
  const servers = (await withRetries(deps, () => listOwnServers(deps, cloudName))).filter((server) => !isGone(server));
  const volumes = await findVolumes(deps, cloudName);
  const addresses = await withRetries(deps, () => cloud.network.listFloatingIps({}, options));
  const ports = await withRetries(deps, () => cloud.network.listPorts({ tags: [MARK] }, options));
  const groups = await withRetries(deps, () => cloud.network.listSecurityGroups({}, options));
  const pairs = await findKeyPairs(deps, cloudName);
  const listed = await withRetries(deps, () => cloud.image.listImages({ properties: { [KEYS.tool]: TOOL } }, options));
  const existing = listed.filter(
    ({ owner, status }) => owner === project && status !== 'deleted' && status !== 'pending_delete',
  );
  const found = [
    ...servers.map(describeServer),
    ...volumes,
    ...addresses.filter(isOurs).flatMap(describeAddress),
    ...ports.filter(isOurs).map(describePort),
    ...groups.filter(isOurs).flatMap(describeGroup),
    ...pairs,
  ];
  for (const image of existing.filter((candidate) => isOwnImage(candidate, project)))
    found.push(await describeImage(deps, image));
  return { found, referred: new Set([...servers.flatMap(readBootedImage), ...existing.flatMap(readBootFiles)]) };
}

function describeServer({ id, name, metadata, tags, created }: Server): FoundResource {
  return {
    kind: 'instance',
    id,
    name,
    ...findOwner(metadata[KEYS.build] ?? readBuildTag(tags), metadata[KEYS.workflow]),
    ...readTimes(created, readExpiry({ tags, marks: metadata })),
  };
}

/** Finds the volumes of a cloud that has block storage. */
async function findVolumes(deps: Deps, cloudName: string): Promise<FoundResource[]> {
  const { volume } = deps.clouds.get(cloudName);
  if (!(await withRetries(deps, () => volume.isAvailable({ signal: cancellationSignal() })))) return [];
  const volumes = await withRetries(deps, () => listOwnVolumes(deps, cloudName));
  return volumes.map(({ id, name, metadata, created_at }) => ({
    kind: 'volume',
    id,
    name: name ?? '',
    ...findOwner(metadata[KEYS.build], metadata[KEYS.workflow]),
    ...readTimes(created_at, readExpiry({ marks: metadata })),
  }));
}

/**
 * Describes a floating IP, if it is ours. Recognises it by its tag or by its description, because a crash may have
 * prevented the second call, which sets the tag.
 */
function describeAddress({ id, description, tags, created_at, ...address }: FloatingIp): FoundResource[] {
  const build = readBuildTag(tags) ?? parseResourceName(description, 'address');
  if (build === undefined && !tags.includes(MARK)) return [];
  const name = address.floating_ip_address;
  return [{ kind: 'floating IP', id, name, ...findOwner(build), ...readTimes(created_at, readExpiry({ tags })) }];
}

function describePort({ id, name, tags, created_at }: Port): FoundResource {
  return {
    kind: 'port',
    id,
    name: name ?? '',
    ...findOwner(readBuildTag(tags)),
    ...readTimes(created_at, readExpiry({ tags })),
  };
}

/**
 * Describes a security group, if it is ours. Recognises it by its tag or by its name, because a crash may have
 * prevented the second call, which sets the tag.
 */
function describeGroup({ id, name, tags, created_at }: SecurityGroup): FoundResource[] {
  const build = readBuildTag(tags) ?? parseResourceName(name, 'guest');
  if (build === undefined && !tags.includes(MARK)) return [];
  return [{ kind: 'security group', id, name, ...findOwner(build), ...readTimes(created_at, readExpiry({ tags })) }];
}

/**
 * Finds our key pairs by their names, because key pairs have neither tags nor metadata. Reads each of them for its time
 * of creation, which Nova's list does not have.
 */
async function findKeyPairs(deps: Deps, cloudName: string): Promise<FoundResource[]> {
  const { compute } = deps.clouds.get(cloudName);
  const found: FoundResource[] = [];
  for (const { name } of await withRetries(deps, () => compute.listKeyPairs({ signal: cancellationSignal() }))) {
    const build = parseResourceName(name, 'key');
    if (build === undefined) continue;
    const pair: KeyPair | undefined = await withRetries(deps, () =>
      compute.getKeyPair(name, { signal: cancellationSignal() }),
    );
    if (pair === undefined) continue;
    found.push({ kind: 'key pair', id: name, name, ...findOwner(build), ...readTimes(pair.created_at, undefined) });
  }
  return found;
}

/** Describes an image that has our mark. Does not read the image from Glance again: `image` contains its state. */
export async function describeImage(deps: Deps, image: Image): Promise<FoundResource> {
  const role = readText(image[KEYS.role]);
  const whole = image.status === 'active' && (image.size ?? 0) > 0;
  const shared = whole && isSharedRole(role) && image[KEYS[role]] !== undefined ? role : undefined;
  const [digest, workflow] = [readText(image[KEYS.jeos]), readText(image[KEYS.workflow])];
  const documents =
    shared === 'prepared'
      ? readText(image[KEYS.build])
      : digest === undefined || workflow === undefined
        ? undefined
        : findJeosDocumentsId(workflow, digest);
  const used = parseTimestamp(readText(image[KEYS.used]));
  const result = role === 'base' ? await describeResult(deps, image) : undefined;
  return {
    kind: 'image',
    id: image.id,
    name: image.name ?? '',
    ...findOwner(readText(image[KEYS.build]), workflow),
    ...readTimes(image.created_at, readExpiry({ tags: image.tags, marks: image })),
    ...(shared === undefined ? {} : { shared }),
    ...(role === 'media' && shared === undefined ? { medium: whole ? 'retired' : 'unfinished' } : {}),
    ...(documents === undefined ? {} : { documents }),
    ...(used === undefined ? {} : { used }),
    ...(result === undefined ? {} : { result }),
  };
}

function isSharedRole(role: string | undefined): role is NonNullable<FoundResource['shared']> {
  return role === 'jeos' || role === 'media' || role === 'prepared';
}

/**
 * Explains why the sweeper must keep a base image. Returns undefined for the leftovers of a build that never completed:
 * a snapshot that was not published, or an image whose record says that the build failed. A published image without a
 * record stays, because its record may be in another store. A published image whose record was never finished stays
 * too.
 */
async function describeResult(deps: Deps, image: Image): Promise<string | undefined> {
  const uuid = readText(image[KEYS.image]) ?? readText(image[KEYS.build]);
  if (uuid === undefined) return 'is a base image that names no build';
  const record = await deps.store.readRecord(uuid).catch(() => 'unreadable' as const);
  if (record === 'unreadable') return `is the base image of record ${uuid}, which cannot be read`;
  if (record?.glance_id === image.id || record?.status === 'COMPLETE') return `is the base image of record ${uuid}`;
  const isFailed = record?.status === 'FAILED' || record?.status === 'CANCELED';
  if (image[KEYS.image] !== undefined && !isFailed) return 'is a published base image, though no record names it';
  const life = await workflowState(deps, readText(image[KEYS.workflow]) ?? workflowIdFor('base_image', uuid));
  return life === 'completed' ? 'is the base image of a build that has completed' : undefined;
}

function readBuildTag(tags: readonly string[] = []): string | undefined {
  const prefix = `${KEYS.build}=`;
  return tags.find((tag) => tag.startsWith(prefix))?.slice(prefix.length);
}

/**
 * Finds the build of a resource, and the workflows that may be responsible for it. A resource that names a build but no
 * workflow is one that an instance of a base image, a prepared image or a target image uses.
 */
function findOwner(build: string | undefined, workflow?: string): Pick<FoundResource, 'build' | 'workflows'> {
  if (build === undefined) return { workflows: workflow === undefined ? [] : [workflow] };
  const possible = [
    workflowIdFor('base_image', build),
    workflowIdFor('target_image', build),
    getPreparedWorkflowId(build),
  ];
  return { build, workflows: workflow === undefined ? possible : [workflow] };
}

function readTimes(
  created: string | undefined,
  expires: number | undefined,
): Pick<FoundResource, 'created' | 'expires'> {
  const timestamp = parseTimestamp(created);
  return { ...(timestamp === undefined ? {} : { created: timestamp }), ...(expires === undefined ? {} : { expires }) };
}

function readBootedImage({ image }: Server): string[] {
  const id = (image as { id?: unknown } | null | undefined)?.id;
  return typeof id === 'string' ? [id] : [];
}

function readBootFiles(image: Image): string[] {
  return [image['kernel_id'], image['ramdisk_id']].filter((id) => typeof id === 'string');
}

function readText(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}
