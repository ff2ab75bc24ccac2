import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { marksOf, resourceName, tagsOf, type BuildRef } from '../../domain/names.js';
import type { Deps } from '../shared/context.js';
import { ensureImage, type UploadedContent } from './ensure-image.js';

/** An image of an installer's run alone. */
export interface RunImage {
  /** `boot`, `boot-ramdisk`: one of each a run. */
  name: string;
  /** Of disk and container; a disk is `bare`. */
  format: 'raw' | 'iso' | 'ari';
  /** Properties that it is to have besides the run's marks. */
  properties?: Record<string, string>;
  /** What is in it, or a file that has it. */
  content: UploadedContent | string;
}

/** Makes sure that an image of a run's own is there; clean-up removes it with the run. Answers its id. */
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
