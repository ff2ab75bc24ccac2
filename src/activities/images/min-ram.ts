import { memoryOf } from '../../os/installer/memory.js';
import type { BuildDocuments } from '../shared/build-documents.js';

/** MiB that a machine of the image must have. */
export async function computeMinRam(build: BuildDocuments): Promise<number> {
  return memoryOf(await build.template(), await build.profile()).system;
}
