/**
 * Names and marks of everything that a build makes in a cloud (law 2): each thing carries the mark, the build's UUID and
 * its role, as tags where the service has tags and as metadata or properties of the same names everywhere.
 */

/** On everything of ours. */
export const MARK = 'imagefactory';

/** The value of {@link KEYS}.tool. */
export const TOOL = 'imagefactory-nova';

/** Metadata keys and image properties. */
export const KEYS = {
  /** Always {@link TOOL}: what finds everything of ours where there are no tags, as on a snapshot that is being taken. */
  tool: 'imagefactory_tool',
  build: 'imagefactory_build',
  role: 'imagefactory_role',
  creator: 'imagefactory_creator',
  workflow: 'imagefactory_workflow',
  /** Digest of what shaped a JEOS; only on a JEOS that is whole. */
  jeos: 'imagefactory_jeos',
  /** `true` once a machine booted from the JEOS has answered over SSH. */
  proven: 'imagefactory_proven',
  /** Digest of an installer's kernel or ramdisk. */
  media: 'imagefactory_media',
  /** Which try of which build uploads a medium: see `uploaderHere` in activities. */
  uploader: 'imagefactory_uploader',
  /** UUID of the record that a base image belongs to. */
  image: 'imagefactory_image',
  template: 'imagefactory_template',
  /** When a build last chose a JEOS or a medium: ISO 8601. */
  used: 'imagefactory_used',
  /** Until when the sweeper leaves a thing alone: see {@link readExpiry}. */
  expires: 'imagefactory_expires',
} as const;

export type ServerRole = 'installer' | 'customise';
export type ImageRole = 'media' | 'boot' | 'jeos' | 'base';

/** Whose a thing is: the UUID that marks it, the cloud that it is in, and the workflow that answers for it. */
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

/** Tags of a thing of a build. Nova allows 60 characters and neither `/` nor `,`; the longest of these has 56. */
export function tagsOf(ref: BuildRef, role: string): string[] {
  return [MARK, buildTag(ref.uuid), roleTag(role)];
}

/** The build that a name made by {@link resourceName} belongs to; undefined for every other name. */
export function parseResourceName(name: string, role: string): string | undefined {
  const prefix = `imagefactory-${role}-`;
  const uuid = name.startsWith(prefix) ? name.slice(prefix.length) : '';
  return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(uuid) ? uuid : undefined;
}

/** Metadata (server) or properties (image) of a thing of a build. */
export function marksOf(ref: BuildRef, role: string, creator: string): Record<string, string> {
  return {
    [KEYS.tool]: TOOL,
    [KEYS.build]: ref.uuid,
    [KEYS.role]: role,
    [KEYS.creator]: creator,
    [KEYS.workflow]: ref.workflowId,
  };
}

/** The name of a thing of a build: unique, so that it can be found again when the reply to its creation was lost. */
export function resourceName(ref: BuildRef, role: string): string {
  return `imagefactory-${role}-${ref.uuid}`;
}

/**
 * The mark of a thing that outlives its build until `moment` (`--on-error keep`), as metadata (server) or property (image):
 * ISO 8601, UTC, to the second. One marked thing is enough: the sweeper leaves everything of a build until the latest
 * moment that any of the build's things carries, because a key pair, for one, can carry none.
 */
export function expiryMarks(moment: Date): Record<string, string> {
  return { [KEYS.expires]: `${moment.toISOString().slice(0, 19)}Z` };
}

/** The same as a tag, for what Neutron keeps (41 of 60 characters). A new moment is a new tag; the latest counts. */
export function expiryTag(moment: Date): string {
  return `${KEYS.expires}=${expiryMarks(moment)[KEYS.expires] ?? ''}`;
}

/** Where a mark may be: the tags of a thing, and its metadata (server) or itself (image). */
export interface Marked {
  tags?: readonly string[];
  marks?: Readonly<Record<string, unknown>>;
}

/**
 * When a kept thing expires, in milliseconds since 1970; undefined if it carries no such mark. ISO 8601 and seconds since
 * 1970 are both read, since operators set this mark by hand. A mark that is neither never expires: whoever set it
 * wanted the thing kept.
 */
export function readExpiry({ tags = [], marks = {} }: Marked): number | undefined {
  const tagged = tags
    .filter((tag) => tag.startsWith(`${KEYS.expires}=`))
    .map((tag) => tag.slice(KEYS.expires.length + 1));
  const marked = marks[KEYS.expires];
  const moments = [...tagged, ...(typeof marked === 'string' ? [marked] : [])].map(parseExpiry);
  return moments.length === 0 ? undefined : Math.max(...moments);
}

function parseExpiry(text: string): number {
  const moment = /^\d{9,11}$/.test(text) ? Number(text) * 1000 : Date.parse(text);
  return Number.isNaN(moment) ? Infinity : moment;
}
