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
  /** UUID of the record that a base image belongs to. */
  image: 'imagefactory_image',
  template: 'imagefactory_template',
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
