import { baseImageWorkflowId } from '../../domain/base-image-input.js';
import { parseResourceName, readExpiry, KEYS, MARK, TOOL } from '../../domain/names.js';
import type { FoundResource } from '../../domain/sweep-rules.js';
import { parseTimestamp } from '../../openstack/http/timestamp.js';
import type { FloatingIp, Image, KeyPair, Port, SecurityGroup, Server } from '../../openstack/types.js';
import { withRetries } from '../shared/retry.js';
import { type Deps, reportProgress, cancellationSignal } from '../shared/context.js';
import { workflowState } from '../shared/temporal-lookups.js';
import { isGone, listOwnServers } from '../instance/servers.js';
import { listOwnVolumes } from '../instance/create-volumes.js';

/** What was found in a project, and the images that something in it depends on. */
export interface FoundResources {
  found: FoundResource[];
  /** Ids of images that an instance was booted from, or that an installer's boot image names. */
  referred: Set<string>;
}

/** Everything in the cloud's project that carries our mark. */
export async function findResources(deps: Deps, cloudName: string): Promise<FoundResources> {
  reportProgress({ message: `looking for what carries our mark in ${cloudName}` });
  const cloud = deps.clouds.get(cloudName);
  const options = { signal: cancellationSignal() };
  const project = await withRetries(deps, () => cloud.getProjectId(options));
  // Administrators are shown other projects' things, and everybody other projects' public images.
  const isOurs = (thing: { project_id?: string }): boolean => thing.project_id === project;
  const servers = (await withRetries(deps, () => listOwnServers(deps, cloudName))).filter((server) => !isGone(server));
  const volumes = await foundVolumes(deps, cloudName);
  const addresses = await withRetries(deps, () => cloud.network.listFloatingIps({}, options));
  const ports = await withRetries(deps, () => cloud.network.listPorts({ tags: [MARK] }, options));
  const groups = await withRetries(deps, () => cloud.network.listSecurityGroups({}, options));
  const pairs = await foundKeyPairs(deps, cloudName);
  const listed = await withRetries(deps, () => cloud.image.listImages({ properties: { [KEYS.tool]: TOOL } }, options));
  const images = listed.filter(
    ({ owner, status }) => owner === project && status !== 'deleted' && status !== 'pending_delete',
  );
  const found = [
    ...servers.map(foundServer),
    ...volumes,
    ...addresses.filter(isOurs).flatMap(foundAddress),
    ...ports.filter(isOurs).map(foundPort),
    ...groups.filter(isOurs).flatMap(foundGroup),
    ...pairs,
  ];
  for (const image of images) found.push(await describeImage(deps, image));
  return { found, referred: new Set([...servers.flatMap(bootedFrom), ...images.flatMap(bootsWith)]) };
}

function foundServer({ id, name, metadata, tags, created }: Server): FoundResource {
  return {
    kind: 'instance',
    id,
    name,
    ...findOwner(metadata[KEYS.build] ?? buildOfTags(tags), metadata[KEYS.workflow]),
    ...timesOf(created, readExpiry({ tags, marks: metadata })),
  };
}

/** Of a cloud that has block storage. */
async function foundVolumes(deps: Deps, cloudName: string): Promise<FoundResource[]> {
  const { volume } = deps.clouds.get(cloudName);
  if (!(await withRetries(deps, () => volume.isAvailable({ signal: cancellationSignal() })))) return [];
  const volumes = await withRetries(deps, () => listOwnVolumes(deps, cloudName));
  return volumes.map(({ id, name, metadata, created_at }) => ({
    kind: 'volume',
    id,
    name: name ?? '',
    ...findOwner(metadata[KEYS.build], metadata[KEYS.workflow]),
    ...timesOf(created_at, readExpiry({ marks: metadata })),
  }));
}

/** By tag or by description: the tag is set by a second call that a crash may have prevented. */
function foundAddress({ id, description, tags, created_at, ...address }: FloatingIp): FoundResource[] {
  const build = buildOfTags(tags) ?? parseResourceName(description, 'address');
  if (build === undefined && !tags.includes(MARK)) return [];
  const name = address.floating_ip_address;
  return [{ kind: 'floating IP', id, name, ...findOwner(build), ...timesOf(created_at, readExpiry({ tags })) }];
}

function foundPort({ id, name, tags, created_at }: Port): FoundResource {
  return {
    kind: 'port',
    id,
    name: name ?? '',
    ...findOwner(buildOfTags(tags)),
    ...timesOf(created_at, readExpiry({ tags })),
  };
}

/** By tag or by name, for the same reason. */
function foundGroup({ id, name, tags, created_at }: SecurityGroup): FoundResource[] {
  const build = buildOfTags(tags) ?? parseResourceName(name, 'guest');
  if (build === undefined && !tags.includes(MARK)) return [];
  return [{ kind: 'security group', id, name, ...findOwner(build), ...timesOf(created_at, readExpiry({ tags })) }];
}

/** Key pairs have neither tags nor metadata: their name is their mark. Nova tells their age only one by one. */
async function foundKeyPairs(deps: Deps, cloudName: string): Promise<FoundResource[]> {
  const { compute } = deps.clouds.get(cloudName);
  const found: FoundResource[] = [];
  for (const { name } of await withRetries(deps, () => compute.listKeyPairs({ signal: cancellationSignal() }))) {
    const build = parseResourceName(name, 'key');
    if (build === undefined) continue;
    const pair: KeyPair | undefined = await withRetries(deps, () =>
      compute.getKeyPair(name, { signal: cancellationSignal() }),
    );
    if (pair === undefined) continue;
    found.push({ kind: 'key pair', id: name, name, ...findOwner(build), ...timesOf(pair.created_at, undefined) });
  }
  return found;
}

/** An image of ours, and what it is now. */
export async function describeImage(deps: Deps, image: Image): Promise<FoundResource> {
  const role = textOf(image[KEYS.role]);
  const whole = image.status === 'active' && (image.size ?? 0) > 0;
  const shared = whole && (role === 'jeos' || role === 'media') && image[KEYS[role]] !== undefined ? role : undefined;
  const used = parseTimestamp(textOf(image[KEYS.used]));
  const result = role === 'base' ? await describeResult(deps, image) : undefined;
  return {
    kind: 'image',
    id: image.id,
    name: image.name ?? '',
    ...findOwner(textOf(image[KEYS.build]), textOf(image[KEYS.workflow])),
    ...timesOf(image.created_at, readExpiry({ tags: image.tags, marks: image })),
    ...(shared === undefined ? {} : { shared }),
    ...(role === 'media' && shared === undefined ? { medium: whole ? 'retired' : 'unfinished' } : {}),
    ...(used === undefined ? {} : { used }),
    ...(result === undefined ? {} : { result }),
  };
}

/**
 * Why a base image stays, or undefined for what a build has left that never came to its end: its snapshot, before it was
 * published, or any image of which its record says that the build failed. A published one whose record is not here stays,
 * because the record may be in another store, and so does one whose record was never finished.
 */
async function describeResult(deps: Deps, image: Image): Promise<string | undefined> {
  const uuid = textOf(image[KEYS.image]) ?? textOf(image[KEYS.build]);
  if (uuid === undefined) return 'is a base image that names no build';
  const record = await deps.store.readRecord(uuid).catch(() => 'unreadable' as const);
  if (record === 'unreadable') return `is the base image of record ${uuid}, which cannot be read`;
  if (record?.glance_id === image.id || record?.status === 'COMPLETE') return `is the base image of record ${uuid}`;
  const isFailed = record?.status === 'FAILED' || record?.status === 'CANCELED';
  if (image[KEYS.image] !== undefined && !isFailed) return 'is a published base image, though no record names it';
  const life = await workflowState(deps, textOf(image[KEYS.workflow]) ?? baseImageWorkflowId(uuid));
  return life === 'completed' ? 'is the base image of a build that has completed' : undefined;
}

function buildOfTags(tags: readonly string[] = []): string | undefined {
  const prefix = `${KEYS.build}=`;
  return tags.find((tag) => tag.startsWith(prefix))?.slice(prefix.length);
}

/** A thing without a workflow's name on it is a base image build's: only those make such things. */
function findOwner(build: string | undefined, workflow?: string): Pick<FoundResource, 'build' | 'workflows'> {
  if (build === undefined) return { workflows: workflow === undefined ? [] : [workflow] };
  return { build, workflows: [workflow ?? baseImageWorkflowId(build)] };
}

function timesOf(created: string | undefined, expires: number | undefined): Pick<FoundResource, 'created' | 'expires'> {
  const moment = parseTimestamp(created);
  return { ...(moment === undefined ? {} : { created: moment }), ...(expires === undefined ? {} : { expires }) };
}

function bootedFrom({ image }: Server): string[] {
  const id = (image as { id?: unknown } | null | undefined)?.id;
  return typeof id === 'string' ? [id] : [];
}

function bootsWith(image: Image): string[] {
  return [image['kernel_id'], image['ramdisk_id']].filter((id) => typeof id === 'string');
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}
