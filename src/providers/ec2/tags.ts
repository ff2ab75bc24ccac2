import type { Filter, Tag } from '@aws-sdk/client-ec2';
import { marksOfPushed, PROVIDER_KEYS, sourceMark } from '../../domain/provider-marks.js';
import { TOOL } from '../../domain/names.js';
import type { Operation, PushedImage } from '../types.js';

/** Characters of the longest value of a tag. */
const LONGEST_VALUE = 256;

/** The tags of everything that a push makes. `Name` is what the console shows. */
export function tagsOf(image: PushedImage, operation: Operation): { Key: string; Value: string }[] {
  const marks = { ...marksOfPushed(image, operation.creator), Name: image.name.slice(0, LONGEST_VALUE) };
  return Object.entries(marks).map(([Key, Value]) => ({ Key, Value }));
}

/** Reads tags as marks. */
export function readTags(tags: readonly Tag[] | undefined): Record<string, string> {
  return Object.fromEntries((tags ?? []).map(({ Key = '', Value = '' }) => [Key, Value]));
}

/** Filters that find what this program has made. */
export function filterOurs(): Filter[] {
  return [filter(PROVIDER_KEYS.tool, TOOL)];
}

/** Filters that find what pushes of the image with this UUID have made. */
export function filterUuid(uuid: string): Filter[] {
  return [...filterOurs(), filter(PROVIDER_KEYS.image, uuid)];
}

/** Filters that find what pushes of these bytes of the image have made. */
export function filterImage(image: PushedImage): Filter[] {
  return [...filterUuid(image.uuid), filter(PROVIDER_KEYS.source, sourceMark(image))];
}

function filter(tag: string, value: string): Filter {
  return { Name: `tag:${tag}`, Values: [value] };
}
