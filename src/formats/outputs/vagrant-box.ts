import { writeArchive } from '../archive/verify.js';
import { goArch } from '../archive/go-arch.js';
import type { ArchiveFile } from '../bytes/content.js';
import { differsError } from '../disk/qemu-img.js';
import type { ConversionOptions } from '../disk/types.js';
import type { Output, Verify } from './output-format.js';

/** The words that both boxes say about how they are verified, after those about their disk. */
export const BOX_VERIFIED = 'the packed files compared with those of the disk';

/** Writes the `metadata.json` of a box. */
export function writeMetadata(
  system: ConversionOptions['system'],
  values: { provider: string; format?: string; virtual_size?: number },
): string {
  return `${JSON.stringify({ ...values, architecture: goArch(system.arch) })}\n`;
}

/** Packs the files of a box, whose disk was written before. */
export async function packBox(files: readonly ArchiveFile[], output: Output, verifyDisk: Verify): Promise<Verify> {
  const findError = await writeArchive({ path: output.path, files, dialect: 'ustar', gzipped: true });
  return async (call) => {
    await verifyDisk(call);
    const error = await findError(call.signal);
    if (error !== undefined) throw differsError(error);
  };
}
