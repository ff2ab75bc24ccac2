import { baseImageWorkflowId } from '../../domain/base-image-input.js';
import { buildOfName, expiryOf, KEYS, MARK, TOOL } from '../../domain/names.js';
import type { FoundThing } from '../../domain/sweep-rules.js';
import { momentOf } from '../../openstack/http/timestamp.js';
import type { FloatingIp, Image, KeyPair, Port, SecurityGroup, Server } from '../../openstack/types.js';
import { again } from '../shared/retry.js';
import { type Deps, progress, signal } from '../shared/context.js';
import { lifeOf } from '../shared/temporal-lookups.js';
import { isGone, listOwnServers } from '../instance/servers.js';
import { listOwnVolumes } from '../instance/create-volumes.js';

/** What was found in a project, and the images that something in it depends on. */
export interface Findings {
  found: FoundThing[];
  /** Ids of images that an instance was booted from, or that an installer's boot image names. */
  referred: Set<string>;
}

/** Everything in the cloud's project that carries our mark. */
export async function findThings(deps: Deps, cloudName: string): Promise<Findings> {
  progress({ message: `looking for what carries our mark in ${cloudName}` });
  const cloud = deps.clouds.get(cloudName);
  const options = { signal: signal() };
  const project = await again(deps, () => cloud.projectId(options));
  // Administrators are shown other projects' things, and everybody other projects' public images.
  const isOurs = (thing: { project_id?: string }): boolean => thing.project_id === project;
  const servers = (await again(deps, () => listOwnServers(deps, cloudName))).filter((server) => !isGone(server));
  const volumes = await foundVolumes(deps, cloudName);
  const addresses = await again(deps, () => cloud.network.listFloatingIps({}, options));
  const ports = await again(deps, () => cloud.network.listPorts({ tags: [MARK] }, options));
  const groups = await again(deps, () => cloud.network.listSecurityGroups({}, options));
  const pairs = await foundKeyPairs(deps, cloudName);
  const listed = await again(deps, () => cloud.image.listImages({ properties: { [KEYS.tool]: TOOL } }, options));
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
  for (const image of images) found.push(await foundImage(deps, image));
  return { found, referred: new Set([...servers.flatMap(bootedFrom), ...images.flatMap(bootsWith)]) };
}

function foundServer({ id, name, metadata, tags, created }: Server): FoundThing {
  return {
    kind: 'instance',
    id,
    name,
    ...ownerOf(metadata[KEYS.build] ?? buildOfTags(tags), metadata[KEYS.workflow]),
    ...timesOf(created, expiryOf({ tags, marks: metadata })),
  };
}

/** Of a cloud that has block storage. */
async function foundVolumes(deps: Deps, cloudName: string): Promise<FoundThing[]> {
  const { volume } = deps.clouds.get(cloudName);
  if (!(await again(deps, () => volume.exists({ signal: signal() })))) return [];
  const volumes = await again(deps, () => listOwnVolumes(deps, cloudName));
  return volumes.map(({ id, name, metadata, created_at }) => ({
    kind: 'volume',
    id,
    name: name ?? '',
    ...ownerOf(metadata[KEYS.build], metadata[KEYS.workflow]),
    ...timesOf(created_at, expiryOf({ marks: metadata })),
  }));
}

/** By tag or by description: the tag is set by a second call that a crash may have prevented. */
function foundAddress({ id, description, tags, created_at, ...address }: FloatingIp): FoundThing[] {
  const build = buildOfTags(tags) ?? buildOfName(description, 'address');
  if (build === undefined && !tags.includes(MARK)) return [];
  const name = address.floating_ip_address;
  return [{ kind: 'floating IP', id, name, ...ownerOf(build), ...timesOf(created_at, expiryOf({ tags })) }];
}

function foundPort({ id, name, tags, created_at }: Port): FoundThing {
  return {
    kind: 'port',
    id,
    name: name ?? '',
    ...ownerOf(buildOfTags(tags)),
    ...timesOf(created_at, expiryOf({ tags })),
  };
}

/** By tag or by name, for the same reason. */
function foundGroup({ id, name, tags, created_at }: SecurityGroup): FoundThing[] {
  const build = buildOfTags(tags) ?? buildOfName(name, 'guest');
  if (build === undefined && !tags.includes(MARK)) return [];
  return [{ kind: 'security group', id, name, ...ownerOf(build), ...timesOf(created_at, expiryOf({ tags })) }];
}

/** Key pairs have neither tags nor metadata: their name is their mark. Nova tells their age only one by one. */
async function foundKeyPairs(deps: Deps, cloudName: string): Promise<FoundThing[]> {
  const { compute } = deps.clouds.get(cloudName);
  const found: FoundThing[] = [];
  for (const { name } of await again(deps, () => compute.listKeyPairs({ signal: signal() }))) {
    const build = buildOfName(name, 'key');
    if (build === undefined) continue;
    const pair: KeyPair | undefined = await again(deps, () => compute.getKeyPair(name, { signal: signal() }));
    if (pair === undefined) continue;
    found.push({ kind: 'key pair', id: name, name, ...ownerOf(build), ...timesOf(pair.created_at, undefined) });
  }
  return found;
}

/** An image of ours, and what it is now. */
export async function foundImage(deps: Deps, image: Image): Promise<FoundThing> {
  const role = textOf(image[KEYS.role]);
  const whole = image.status === 'active' && (image.size ?? 0) > 0;
  const shared = whole && (role === 'jeos' || role === 'media') && image[KEYS[role]] !== undefined ? role : undefined;
  const used = momentOf(textOf(image[KEYS.used]));
  const result = role === 'base' ? await resultOf(deps, image) : undefined;
  return {
    kind: 'image',
    id: image.id,
    name: image.name ?? '',
    ...ownerOf(textOf(image[KEYS.build]), textOf(image[KEYS.workflow])),
    ...timesOf(image.created_at, expiryOf({ tags: image.tags, marks: image })),
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
async function resultOf(deps: Deps, image: Image): Promise<string | undefined> {
  const uuid = textOf(image[KEYS.image]) ?? textOf(image[KEYS.build]);
  if (uuid === undefined) return 'is a base image that names no build';
  const record = await deps.store.readRecord(uuid).catch(() => 'unreadable' as const);
  if (record === 'unreadable') return `is the base image of record ${uuid}, which cannot be read`;
  if (record?.glance_id === image.id || record?.status === 'COMPLETE') return `is the base image of record ${uuid}`;
  const isFailed = record?.status === 'FAILED' || record?.status === 'CANCELED';
  if (image[KEYS.image] !== undefined && !isFailed) return 'is a published base image, though no record names it';
  const life = await lifeOf(deps, textOf(image[KEYS.workflow]) ?? baseImageWorkflowId(uuid));
  return life === 'completed' ? 'is the base image of a build that has completed' : undefined;
}

function buildOfTags(tags: readonly string[] = []): string | undefined {
  const prefix = `${KEYS.build}=`;
  return tags.find((tag) => tag.startsWith(prefix))?.slice(prefix.length);
}

/** A thing without a workflow's name on it is a base image build's: only those make such things. */
function ownerOf(build: string | undefined, workflow?: string): Pick<FoundThing, 'build' | 'workflows'> {
  if (build === undefined) return { workflows: workflow === undefined ? [] : [workflow] };
  return { build, workflows: [workflow ?? baseImageWorkflowId(build)] };
}

function timesOf(created: string | undefined, expires: number | undefined): Pick<FoundThing, 'created' | 'expires'> {
  const moment = momentOf(created);
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
