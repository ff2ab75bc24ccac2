import { findMemory } from '../../os/installer/memory.js';
import type { BuildDocuments } from '../shared/build-documents.js';

/** Computes the image's `min_ram`, in MiB. */
export async function computeMinRam(build: BuildDocuments): Promise<number> {
  return findMemory(await build.template(), await build.profile()).system;
}
