import { parseDigest } from '../../domain/digest.js';
import { FactoryError } from '../../domain/errors.js';
import type { BuildRef } from '../../domain/names.js';
import type { BuildParameters } from '../../domain/parameters.js';
import { fetchSigned, type SignedText } from '../../media/signature.js';
import { redactUrl } from '../../media/urls.js';
import { type MirrorPin, pinUrls, findMirrorPin } from '../../os/installer/mirror-pin.js';
import { parseMediaIndex, type IndexedMedia } from '../../os/installer/media-index.js';
import type { InstallerPlan, MediaFile } from '../../os/installer/types.js';
import { type Deps, cancellationSignal } from '../shared/context.js';
import { loadBuild } from '../shared/build-documents.js';
import { prepareDrivers } from './prepare-drivers.js';
import { prepareIso } from './prepare-iso.js';
import { ensureMedium, requireTrustedDigest } from './ensure-medium.js';
import { ensureWebMedium } from './web-download.js';
import { listMediumDigest } from './medium-digest.js';
import { deleteSpooled, type WantedMedium } from './fetch-medium.js';
import type { JeosStepInput } from '../shared/jeos-step.js';
import type { InstallerMedia } from './installer-media.js';

const INDEX_LIMIT = 16 * 1024 * 1024;

/**
 * Finds the files that boot the installer in Glance, or fetches and uploads them. Builds that need files with the same
 * digest share the images.
 */
export async function prepareMedia(deps: Deps, input: JeosStepInput): Promise<InstallerMedia> {
  const { ref } = input;
  const build = loadBuild(deps, input.documentsId);
  const plan = await build.installerPlan();
  if (plan.medium !== undefined) {
    const media = await prepareIso(deps, ref, build, plan.medium);
    if (plan.drivers === undefined) return media;
    const { driversId, digests, note } = await prepareDrivers(deps, ref, build, plan.drivers);
    return { ...media, driversId, digests: { ...media.digests, ...digests }, notes: [...media.notes, note] };
  }
  const parameters = await build.parameters();
  const { checksum_key: keys } = parameters;
  const found = { keys, ...(await readIndexes(deps, plan, keys)) };
  const { pin } = found;
  const kernel = await ensureFile(deps, ref, parameters, locateFile(plan.kernel, found, parameters.kernel_checksum));
  const ramdisk = await ensureFile(deps, ref, parameters, locateFile(plan.ramdisk, found, parameters.ramdisk_checksum));
  const { iso } = found.indexed;
  const notes = [
    kernel.note,
    ramdisk.note,
    ...(pin === undefined ? [] : [`the mirror is ${redactUrl(pin.to)}`]),
    ...(iso === undefined ? [] : [`the installer fetches ${redactUrl(iso.to)}`]),
  ];
  const inCommandLine = iso === undefined ? pin : { from: iso.from, to: pinUrls([iso.to], pin)[0] ?? iso.to };
  return {
    kernelId: kernel.id,
    ramdiskId: ramdisk.id,
    digests: { ...kernel.digests, ...ramdisk.digests },
    ...(inCommandLine === undefined ? {} : { pin: inCommandLine }),
    notes,
  };
}

async function ensureFile(
  deps: Deps,
  ref: BuildRef,
  { boot_method: method, web_download: web }: BuildParameters,
  file: WantedMedium,
): Promise<{ id: string; digests: Record<string, string>; note: string }> {
  if (web) {
    const { image, note } = await ensureWebMedium(deps, { ref, method }, file);
    return { id: image.id, digests: listMediumDigest(file.kind, image), note };
  }
  const { image, note, ...spooled } = await ensureMedium(deps, { ref, method }, file);
  await deleteSpooled(spooled);
  return { id: image.id, digests: listMediumDigest(file.kind, image), note };
}

/** The data from the indexes of an install tree: where its files are, and which mirror serves them. */
interface TreeIndexes {
  keys: string | undefined;
  indexed: IndexedMedia;
  pin?: MirrorPin;
}

/** Reads the indexes of the install tree, and finds the mirror that served the first of them. */
async function readIndexes(
  deps: Deps,
  plan: InstallerPlan,
  keys: string | undefined,
): Promise<Omit<TreeIndexes, 'keys'>> {
  const indexed: IndexedMedia = {};
  let pin: MirrorPin | undefined;
  for (const index of plan.indexes) {
    const found = await fetchIndex(deps, index.url, keys);
    if (found === undefined) continue;
    pin ??= findMirrorPin(index.url, found.finalUrl);
    Object.assign(indexed, parseMediaIndex(index, found.text, plan));
  }
  return { indexed, ...(pin === undefined ? {} : { pin }) };
}

/**
 * Fetches an index of the install tree. Returns undefined when the tree has no such index: then the build tries the
 * known paths, and has no digest from the index to check.
 */
async function fetchIndex({ access }: Deps, url: string, keys: string | undefined): Promise<SignedText | undefined> {
  try {
    return await fetchSigned(url, { keys, maxBytes: INDEX_LIMIT, signal: cancellationSignal(), access });
  } catch (error) {
    if (error instanceof FactoryError && error.type === 'MediaUnavailable' && !error.retryable) return undefined;
    throw error;
  }
}

/**
 * Returns the URLs and the expected digest of a file of the install tree. A digest in the parameters has priority over
 * the digest in the index.
 */
function locateFile(
  { role, urls }: MediaFile,
  { keys, indexed, pin }: TreeIndexes,
  checksum: string | undefined,
): WantedMedium {
  const known = indexed[role];
  const digest = requireTrustedDigest(
    checksum === undefined ? known?.digest : parseDigest(checksum),
    keys,
    `the ${role}`,
  );
  return {
    kind: role,
    urls: pinUrls(known === undefined ? urls : [...new Set([known.url, ...urls])], pin),
    ...(digest === undefined ? {} : { digest }),
  };
}
