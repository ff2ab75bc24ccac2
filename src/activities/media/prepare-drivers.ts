import { parseDigest } from '../../domain/digest.js';
import type { DriversMedium } from '../../os/installer/types.js';
import { withScratchFolder } from './scratch-folder.js';
import type { Deps } from '../shared/context.js';
import { findIso } from './prepare-iso.js';
import type { BuildDocuments } from '../shared/build-documents.js';
import { requireTrustedDigest } from './ensure-medium.js';
import { listMediumDigest } from './medium-digest.js';
import { deleteSpooled } from './fetch-medium.js';
import type { BuildRef } from '../../domain/names.js';

/** Finds the medium with the drivers in Glance, or fetches it and uploads it unchanged. */
export async function prepareDrivers(
  deps: Deps,
  ref: BuildRef,
  build: BuildDocuments,
  { url, checksum }: DriversMedium,
): Promise<{ driversId: string; digests: Record<string, string>; note: string }> {
  const { checksum_key: keys, web_download: web } = await build.parameters();
  const digest = requireTrustedDigest(
    checksum === undefined ? undefined : parseDigest(checksum),
    keys,
    'the drivers medium',
  );
  return withScratchFolder(deps, ref, 'drivers', async (folder) => {
    const found = await findIso(deps, { ref, method: 'iso', medium: { url }, digest, web }, folder);
    await deleteSpooled(found);
    const { image, note } = found;
    return { driversId: image.id, digests: listMediumDigest('drivers', image), note: `drivers: ${note}` };
  });
}
