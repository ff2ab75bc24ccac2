import { open } from 'node:fs/promises';
import { FactoryError } from '../../domain/errors.js';
import { type Disk, HEADER_BYTES, inspectDisk, readQcow2Header, recogniseFormat } from '../../formats/index.js';
import { cancellationSignal, type Deps } from '../shared/context.js';

/** Glance's names of the formats, where they differ from those of QEMU. */
const GLANCE_NAMES: Partial<Record<Disk['format'], string>> = { vpc: 'vhd' };

const GIB = 1024 ** 3;
/** The largest virtual size of a disk that we put into Glance: 2 TiB. A file of a few KiB can claim any size. */
const LARGEST_DISK = 2 * 1024 ** 4;

/**
 * Inspects a disk that has been fetched, before it is put into Glance. A user names its format, or its first bytes do,
 * because qemu-img must never probe a file of somebody else; qemu-img then reads the file in that format only.
 *
 * @param file `source` says where the file comes from, for messages; `format` is named by the user
 * @returns Glance's name of the format, and the size of the disk in GiB
 * @throws FactoryError ImageFailed for a format that is not known, and for a disk that names other files, is encrypted
 *   or claims to be too large; InvalidParameter when Glance does not accept the format
 */
export async function inspectDiskFile(
  deps: Pick<Deps, 'clouds'>,
  cloudName: string,
  { path, source, format: named }: { path: string; source: string; format?: Disk['format'] },
): Promise<{ diskFormat: string; minDisk: number }> {
  const header = await readHeader(path);
  const format = named ?? recogniseFormat(header);
  if (format === undefined) {
    throw new FactoryError('ImageFailed', `${source} is not a disk in a format that is known`, {
      hint: 'the formats are qcow2, raw with a boot sector, vmdk, vhdx, vdi and dynamic vhd, each as one file',
    });
  }
  // Before qemu-img sees the file at all: the text of a VMDK may name other files, which qemu-img would open. Raw bytes
  // and a fixed VHD have no magic number at the beginning.
  if (format !== 'raw' && format !== 'vpc' && format !== recogniseFormat(header)) {
    throw new FactoryError('ImageFailed', `the disk ${source} is not in the format ${format}, or not one file`);
  }
  const refusal = format === 'qcow2' ? readQcow2Header(header)?.refusal : undefined;
  if (refusal !== undefined) throw new FactoryError('ImageFailed', `the disk ${source} is refused: ${refusal}`);
  const limits = { largest: LARGEST_DISK, signal: cancellationSignal() };
  const { virtualSize } = await inspectDisk(path, format, limits).catch((error: unknown) => {
    throw error instanceof FactoryError ? renameDisk(error, path, source) : error;
  });
  const diskFormat = GLANCE_NAMES[format] ?? format;
  const accepted = await deps.clouds.get(cloudName).image.listDiskFormats({ signal: cancellationSignal() });
  if (accepted.includes(diskFormat)) return { diskFormat, minDisk: Math.ceil(virtualSize / GIB) };
  throw new FactoryError('InvalidParameter', `the Glance of cloud ${cloudName} accepts no ${diskFormat}: ${source}`, {
    hint: `convert it first: qemu-img convert -f ${format} -O qcow2 FILE FILE.qcow2`,
  });
}

async function readHeader(path: string): Promise<Buffer> {
  const file = await open(path, 'r');
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(HEADER_BYTES), 0, HEADER_BYTES, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

/** Names the source in a message, because its reader does not know the path of the temporary file. */
function renameDisk(error: FactoryError, path: string, source: string): FactoryError {
  return new FactoryError(error.type, error.message.replaceAll(path, source), {
    retryable: error.retryable,
    hint: error.hint,
    cause: error,
  });
}
