/**
 * Names and marks of the resources that a build creates in a cloud (law 2 in docs/architecture.md). A resource carries
 * our mark, the build's UUID and its role: as tags where the service supports tags, and as metadata or properties of
 * the same names where the service supports those. A key pair can carry none of them, so only its name identifies it.
 */

/** The tag on each of our resources. */
export const MARK = 'imagefactory';

/** The value of {@link KEYS}.tool. */
export const TOOL = 'imagefactory-nova';

/** Metadata keys and image properties. */
export const KEYS = {
  /**
   * Always {@link TOOL}. By this key, we find those of our resources that have no tags, such as the image of a snapshot
   * that is in progress.
   */
  tool: 'imagefactory_tool',
  build: 'imagefactory_build',
  /**
   * The id of the image or the volume that we have marked. This mark tells an original from a copy, because clouds copy
   * all our marks: Nova to the image of a user's snapshot of an instance, Cinder to a volume that a user creates from
   * an image, and to a restored backup. In a copy, this mark still has the id of the original. While the cloud captures
   * an image, the value is the source of the capture: see src/activities/images/own-image.ts.
   */
  id: 'imagefactory_id',
  role: 'imagefactory_role',
  creator: 'imagefactory_creator',
  workflow: 'imagefactory_workflow',
  /** Digest of the inputs of a JEOS; only on a complete JEOS. */
  jeos: 'imagefactory_jeos',
  /** `true` if an instance that was started from the JEOS has ever answered over SSH. */
  proven: 'imagefactory_proven',
  /** Digest of an installer's kernel or ramdisk. */
  media: 'imagefactory_media',
  /** The activity that uploads a medium: see `currentUploader` in src/activities/images/uploader.ts. */
  uploader: 'imagefactory_uploader',
  /** Digest of a base image and its preparation for a target; only on a complete prepared image. */
  prepared: 'imagefactory_prepared',
  /** UUID of the record of the base image that a prepared image was made from. */
  base: 'imagefactory_base',
  /** UUID of the record that a base image belongs to. */
  image: 'imagefactory_image',
  template: 'imagefactory_template',
  /** When the cloud began to capture the image: ISO 8601, UTC, to the second. On each JEOS and each base image. */
  builtAt: 'imagefactory_built_at',
  /** The version of imagefactory that built the image. On each JEOS and each base image. */
  version: 'imagefactory_version',
  /** When a build last chose the JEOS or the medium: ISO 8601. */
  used: 'imagefactory_used',
  /** Time until which the sweeper keeps a resource: see {@link readExpiry}. */
  expires: 'imagefactory_expires',
} as const;

export type ServerRole = 'installer' | 'customise';

/** The owner of a resource: the UUID that marks it, its cloud, and the workflow that is responsible for it. */
export interface BuildRef {
  uuid: string;
  cloud: string;
  workflowId: string;
}

export function buildTag(uuid: string): string {
  return `${KEYS.build}=${uuid}`;
}

export function roleTag(role: string): string {
  return `${KEYS.role}=${role}`;
}

/**
 * Returns the tags of a build's resource. Nova allows 60 characters in a tag, but no `/` and no `,`; our longest tag
 * has 56.
 */
export function tagsOf(ref: BuildRef, role: string): string[] {
  return [MARK, buildTag(ref.uuid), roleTag(role)];
}

/** Reads the build's UUID from a name that {@link resourceName} has built; undefined for every other name. */
export function parseResourceName(name: string, role: string): string | undefined {
  const prefix = `imagefactory-${role}-`;
  const uuid = name.startsWith(prefix) ? name.slice(prefix.length) : '';
  return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(uuid) ? uuid : undefined;
}

/** Returns the metadata (server) or the properties (image) of a build's resource. */
export function marksOf(ref: BuildRef, role: string, creator: string): Record<string, string> {
  return {
    [KEYS.tool]: TOOL,
    [KEYS.build]: ref.uuid,
    [KEYS.role]: role,
    [KEYS.creator]: creator,
    [KEYS.workflow]: ref.workflowId,
  };
}

/**
 * Builds the name of a build's resource. It is unique, so we can find the resource when the create call's reply is
 * lost.
 */
export function resourceName(ref: BuildRef, role: string): string {
  return `imagefactory-${role}-${ref.uuid}`;
}

/**
 * Returns the mark by which the sweeper keeps a resource of an ended build until `time` (`--on-error keep`). The mark
 * is metadata of a server or a property of an image: ISO 8601, UTC, to the second. One marked resource is enough: the
 * sweeper keeps all resources of a build until the latest time that one of them carries. Some resources, such as key
 * pairs, cannot carry a mark.
 */
export function expiryMarks(time: Date): Record<string, string> {
  return { [KEYS.expires]: `${time.toISOString().slice(0, 19)}Z` };
}

/** The places where a resource can carry a mark: its tags, and its metadata (server, volume) or properties (image). */
export interface Marked {
  tags?: readonly string[];
  marks?: Readonly<Record<string, unknown>>;
}

/**
 * Reads when a kept resource expires, in milliseconds since the epoch; undefined if the resource carries no such mark.
 * Operators may set this mark by hand, so it may be ISO 8601 or seconds since the epoch. A mark in any other format
 * never expires, because the operator who set it wanted to keep the resource.
 */
export function readExpiry({ tags = [], marks = {} }: Marked): number | undefined {
  const tagged = tags
    .filter((tag) => tag.startsWith(`${KEYS.expires}=`))
    .map((tag) => tag.slice(KEYS.expires.length + 1));
  const marked = marks[KEYS.expires];
  const times = [...tagged, ...(typeof marked === 'string' ? [marked] : [])].map(parseExpiry);
  return times.length === 0 ? undefined : Math.max(...times);
}

function parseExpiry(text: string): number {
  const milliseconds = /^\d{9,11}$/.test(text) ? Number(text) * 1000 : Date.parse(text);
  return Number.isNaN(milliseconds) ? Infinity : milliseconds;
}
