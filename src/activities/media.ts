import { FactoryError } from '../build/errors.js';
import { fetchText } from '../media/text.js';
import { mediaFromIndex, type IndexedMedia } from '../os/media-index.js';
import type { InstallerPlan, MediaFile } from '../os/types.js';
import { type Deps, signal } from './context.js';
import { installerPlanOf, parametersOf } from './documents.js';
import { prepareIso } from './iso.js';
import { ensureMedium, parseDigest } from './medium.js';
import { forget, type WantedMedium } from './medium-fetch.js';
import type { InstallerMedia, JeosStep } from './types.js';

const INDEX_LIMIT = 16 * 1024 * 1024;

/** Finds or fetches what the installer is booted with, and puts it into Glance; builds share it by digest. */
export async function prepareMedia(deps: Deps, input: JeosStep): Promise<InstallerMedia> {
  const plan = await installerPlanOf(deps, input.documents);
  if (plan.medium !== undefined) return prepareIso(deps, input, plan.medium);
  const indexed = await indexOf(plan);
  const parameters = await parametersOf(deps, input.documents);
  const kernel = await ensureFile(deps, input, located(plan.kernel, indexed, parameters.kernel_checksum));
  const ramdisk = await ensureFile(deps, input, located(plan.ramdisk, indexed, parameters.ramdisk_checksum));
  return { kernelId: kernel.id, ramdiskId: ramdisk.id, notes: [kernel.note, ramdisk.note] };
}

async function ensureFile(
  deps: Deps,
  { ref, documents }: JeosStep,
  file: WantedMedium,
): Promise<{ id: string; note: string }> {
  const { boot_method: method } = await parametersOf(deps, documents);
  const { image, note, ...spooled } = await ensureMedium(deps, { ref, method }, file);
  await forget(spooled);
  return { id: image.id, note };
}

async function indexOf(plan: InstallerPlan): Promise<IndexedMedia> {
  const indexed: IndexedMedia = {};
  for (const index of plan.indexes) {
    const text = await fetchIndex(index.url);
    if (text !== undefined) Object.assign(indexed, mediaFromIndex(index, text, plan));
  }
  return indexed;
}

/** A tree's index is an offer, not a duty: without one the known paths are tried, and nothing is checked against it. */
async function fetchIndex(url: string): Promise<string | undefined> {
  try {
    return await fetchText(url, { maxBytes: INDEX_LIMIT, signal: signal() });
  } catch (error) {
    if (error instanceof FactoryError && !error.retryable) return undefined;
    throw error;
  }
}

/** Where a file of the tree is looked for; a digest of the parameters comes before that of the index. */
function located({ role, urls }: MediaFile, indexed: IndexedMedia, checksum: string | undefined): WantedMedium {
  const known = indexed[role];
  const digest = checksum === undefined ? known?.digest : parseDigest(checksum);
  return {
    kind: role,
    urls: known === undefined ? urls : [...new Set([known.url, ...urls])],
    ...(digest === undefined ? {} : { digest }),
  };
}
