import { FactoryError } from '../../domain/errors.js';
import { fetchSigned, type SignedText } from '../../media/signature.js';
import { redactUrl } from '../../media/urls.js';
import { type MirrorPin, pinnedUrls, pinOf } from '../../os/installer/mirror-pin.js';
import { mediaFromIndex, type IndexedMedia } from '../../os/installer/media-index.js';
import type { InstallerPlan, MediaFile } from '../../os/types.js';
import { type Deps, cancellationSignal } from '../shared/context.js';
import { loadInstallerPlan, loadParameters } from '../shared/documents.js';
import { prepareDrivers } from './drivers.js';
import { prepareIso } from './prepare-iso.js';
import { ensureMedium, parseDigest, vouchedFor } from './medium.js';
import { ensureWebMedium } from './medium-web.js';
import { forget, type WantedMedium } from './medium-fetch.js';
import type { InstallerMedia, JeosStep } from '../shared/types.js';

const INDEX_LIMIT = 16 * 1024 * 1024;

/** Finds or fetches what the installer is booted with, and puts it into Glance; builds share it by digest. */
export async function prepareMedia(deps: Deps, input: JeosStep): Promise<InstallerMedia> {
  const plan = await loadInstallerPlan(deps, input.documentsId);
  if (plan.medium !== undefined) {
    const media = await prepareIso(deps, input, plan.medium);
    if (plan.drivers === undefined) return media;
    const { driversId, note } = await prepareDrivers(deps, input, plan.drivers);
    return { ...media, driversId, notes: [...media.notes, note] };
  }
  const parameters = await loadParameters(deps, input.documentsId);
  const { checksum_key: keys } = parameters;
  const found = { keys, ...(await indexOf(plan, keys)) };
  const { pin } = found;
  const kernel = await ensureFile(deps, input, located(plan.kernel, found, parameters.kernel_checksum));
  const ramdisk = await ensureFile(deps, input, located(plan.ramdisk, found, parameters.ramdisk_checksum));
  const { iso } = found.indexed;
  const notes = [
    kernel.note,
    ramdisk.note,
    ...(pin === undefined ? [] : [`the mirror is ${redactUrl(pin.to)}`]),
    ...(iso === undefined ? [] : [`the installer fetches ${redactUrl(iso.to)}`]),
  ];
  const inCommandLine = iso === undefined ? pin : { from: iso.from, to: pinnedUrls([iso.to], pin)[0] ?? iso.to };
  return {
    kernelId: kernel.id,
    ramdiskId: ramdisk.id,
    ...(inCommandLine === undefined ? {} : { pin: inCommandLine }),
    notes,
  };
}

async function ensureFile(
  deps: Deps,
  { ref, documentsId }: JeosStep,
  file: WantedMedium,
): Promise<{ id: string; note: string }> {
  const { boot_method: method, web_download: web } = await loadParameters(deps, documentsId);
  if (web) {
    const { image, note } = await ensureWebMedium(deps, { ref, method }, file);
    return { id: image.id, note };
  }
  const { image, note, ...spooled } = await ensureMedium(deps, { ref, method }, file);
  await forget(spooled);
  return { id: image.id, note };
}

/** What is known of a tree's files. */
interface Found {
  keys: string | undefined;
  indexed: IndexedMedia;
  pin?: MirrorPin;
}

/** What the tree's indexes say, and the mirror that the first of them came from. */
async function indexOf(plan: InstallerPlan, keys: string | undefined): Promise<Omit<Found, 'keys'>> {
  const indexed: IndexedMedia = {};
  let pin: MirrorPin | undefined;
  for (const index of plan.indexes) {
    const found = await fetchIndex(index.url, keys);
    if (found === undefined) continue;
    pin ??= pinOf(index.url, found.finalUrl);
    Object.assign(indexed, mediaFromIndex(index, found.text, plan));
  }
  return { indexed, ...(pin === undefined ? {} : { pin }) };
}

/** A tree's index is an offer, not a duty: without one the known paths are tried, and nothing is checked against it. */
async function fetchIndex(url: string, keys: string | undefined): Promise<SignedText | undefined> {
  try {
    return await fetchSigned(url, { keys, maxBytes: INDEX_LIMIT, signal: cancellationSignal() });
  } catch (error) {
    if (error instanceof FactoryError && error.type === 'MediaUnavailable' && !error.retryable) return undefined;
    throw error;
  }
}

/** Where a file of the tree is looked for; a digest of the parameters comes before that of the index. */
function located({ role, urls }: MediaFile, { keys, indexed, pin }: Found, checksum: string | undefined): WantedMedium {
  const known = indexed[role];
  const digest = vouchedFor(checksum === undefined ? known?.digest : parseDigest(checksum), keys, `the ${role}`);
  return {
    kind: role,
    urls: pinnedUrls(known === undefined ? urls : [...new Set([known.url, ...urls])], pin),
    ...(digest === undefined ? {} : { digest }),
  };
}
