import { TOOL } from '../../domain/names.js';
import { PROVIDER_KEYS, marksOfPushed, sourceMark } from '../../domain/provider-marks.js';
import { deriveUuid } from '../../planning/derive-uuid.js';
import type { PushedImage } from '../types.js';

/*
 * oVirt has no tags for disks and templates that could be set while they are made. Our marks are in the description:
 * `imagefactory_tool=imagefactory-nova imagefactory_image=…`. The engine allows 255 characters in the description of a
 * virtual machine or a template (VM_DESCRIPTION_SIZE), and 500 in that of a disk, all of them ASCII.
 */

/** How far a push has come. Only a finished disk has none. */
export const STAGE = PROVIDER_KEYS.stage;

/** When something that has a stage was made or marked: milliseconds since the epoch. */
const BEGUN = PROVIDER_KEYS.begun;

/**
 * `upload`: the disk may lack bytes. `uploaded`: it has all bytes, and was compared with the file. A virtual machine
 * has
 * it too. `template`: a template whose push has not ended.
 */
export type Stage = 'upload' | 'uploaded' | 'template';

/** Characters of the worker's name: the description of a template holds no more. With a stage, there is less space. */
const CREATOR_LENGTH = 50;
const CREATOR_LENGTH_WITH_STAGE = 25;
/** Characters of a name, as old virtual machines of Windows and names of hosts allow them. */
const NAME_LENGTH = 63;

/** Returns the description of a disk, a virtual machine or a template of a push. */
export function describe(image: PushedImage, creator: string, stage?: Stage): string {
  const length = stage === undefined ? CREATOR_LENGTH : CREATOR_LENGTH_WITH_STAGE;
  const short = creator.replaceAll(/[^\x21-\x7e]/g, '_').slice(0, length);
  const marks = {
    ...marksOfPushed(image, short),
    ...(stage === undefined ? {} : { [STAGE]: stage, [BEGUN]: String(Date.now()) }),
  };
  return formatMarks(marks);
}

function formatMarks(marks: Readonly<Record<string, string>>): string {
  return Object.entries(marks)
    .map(([key, value]) => `${key}=${value}`)
    .join(' ');
}

/** Reads the marks of a description. Words that are not ours are left out. */
export function readMarks(description: string | undefined): Record<string, string> {
  const words = (description ?? '').split(/\s+/).map((word) => /^(imagefactory_\w+)=(.*)$/.exec(word));
  const marks = words.flatMap((match): [string, string][] =>
    match === null ? [] : [[match[1] ?? '', match[2] ?? '']],
  );
  return Object.fromEntries(marks);
}

/** Whether two descriptions have the same marks, whatever else somebody has written into them. */
export function haveSameMarks(one: string | undefined, other: string | undefined): boolean {
  const [marks, wanted] = [readMarks(one), readMarks(other)];
  return [...new Set([...Object.keys(marks), ...Object.keys(wanted)])].every((key) => marks[key] === wanted[key]);
}

/**
 * When something of an unfinished push was made or marked: milliseconds since the epoch. Undefined: it does not say.
 */
export function begunAt(description: string | undefined): number | undefined {
  const begun = Number(readMarks(description)[BEGUN]);
  return Number.isSafeInteger(begun) && begun > 0 ? begun : undefined;
}

/** Whether a name is what {@link nameOf} gives to the things of the image with this UUID. */
export function isNameOf(uuid: string, name: string): boolean {
  return name.endsWith(`-${uuid.slice(0, 8)}`);
}

/** Returns the UUID of the provider image to which something with our marks belongs. */
export function imageOf(marks: Readonly<Record<string, string>>): string {
  return marks[PROVIDER_KEYS.image] ?? '';
}

/** Returns the id of the disk. Another file of the same image gets another disk. */
export function diskIdOf(image: PushedImage): string {
  return deriveDiskId(image.uuid, sourceMark(image));
}

function deriveDiskId(uuid: string, source: string): string {
  return deriveUuid(`ovirt disk ${uuid} ${source}`);
}

/**
 * Whether a push has made this disk. The engine copies the description with the disk, into templates and clones: only
 * the original has the id that its marks give.
 */
export function isPushedDisk({ id, description }: { id: string; description?: string | undefined }): boolean {
  const marks = readMarks(description);
  const { [PROVIDER_KEYS.image]: uuid = '', [PROVIDER_KEYS.source]: source = '' } = marks;
  return marks[PROVIDER_KEYS.tool] === TOOL && id === deriveDiskId(uuid, source);
}

/**
 * Returns the name of the disk, the virtual machine and the template. A data center has no two templates of one name,
 * so a part of the image's UUID belongs to it.
 */
export function nameOf(image: PushedImage): string {
  const suffix = `-${image.uuid.slice(0, 8)}`;
  const safe = image.name.replaceAll(/[^A-Za-z0-9_.-]+/g, '-').replace(/^[-.]+/, '');
  return `${safe.slice(0, NAME_LENGTH - suffix.length) || 'image'}${suffix}`;
}
