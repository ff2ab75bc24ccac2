import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { marksOf, resourceName, tagsOf, type BuildRef } from '../../domain/names.js';
import type { Deps } from '../shared/context.js';
import { ensureImage, type UploadedContent } from './ensure-image.js';

/** An image that belongs to one installer run. */
export interface RunImage {
  /** Purpose, such as `boot` or `boot-ramdisk`; unique in a run. */
  name: string;
  /** Glance's disk format. The container format is `bare`, except for `ari`. */
  format: 'raw' | 'iso' | 'ari';
  /** Properties to set in addition to the run's own marks. Default: none. */
  properties?: Record<string, string>;
  /** The content, or the path of a file with it. */
  content: UploadedContent | string;
}

/** Makes sure that an image of an installer run exists, and returns its id. The run's clean-up removes the image. */
export async function ensureRunImage(
  deps: Deps,
  ref: BuildRef,
  { name, format, properties = {}, content }: RunImage,
): Promise<string> {
  return ensureImage(deps, ref.cloud, {
    seed: `${name}:${ref.uuid}`,
    request: {
      name: resourceName(ref, name),
      disk_format: format,
      container_format: format === 'ari' ? format : 'bare',
      visibility: 'private',
      tags: tagsOf(ref, 'boot'),
      properties: { ...properties, ...marksOf(ref, 'boot', deps.identity) },
    },
    content: typeof content === 'string' ? await readFileContent(content) : content,
  });
}

async function readFileContent(path: string): Promise<UploadedContent> {
  return { size: (await stat(path)).size, open: () => createReadStream(path) };
}
