import { open } from 'node:fs/promises';
import { FactoryError } from '../../domain/errors.js';

/** Bytes of the footer, which a fixed and a dynamic VHD end with: Microsoft's VHD specification 1.0. */
const FOOTER_SIZE = 512;
/** Offsets in the footer. */
const AT = { cookie: 0, currentSize: 48, type: 60, checksum: 64 };
const COOKIE = 'conectix';
/** The type of a disk, as the footer says it. */
const VHD_TYPES = { fixed: 2, dynamic: 3 } as const;

/**
 * Checks the footer of a VHD. qemu-img cannot check a VHD, and takes a fixed one for a raw disk.
 *
 * @throws FactoryError ImageFailed that names the wrong field
 */
export async function checkVhdFooter(
  path: string,
  { type, virtualSize }: { type: keyof typeof VHD_TYPES; virtualSize: number },
): Promise<void> {
  const { footer, size } = await readFooter(path);
  const wrong =
    footer.length < FOOTER_SIZE || footer.toString('latin1', AT.cookie, AT.cookie + COOKIE.length) !== COOKIE
      ? 'it has no footer'
      : footer.readUInt32BE(AT.checksum) !== sumFooter(footer)
        ? 'the checksum of its footer is wrong'
        : footer.readUInt32BE(AT.type) !== VHD_TYPES[type]
          ? `its type is ${footer.readUInt32BE(AT.type)}, not ${VHD_TYPES[type]} (${type})`
          : Number(footer.readBigUInt64BE(AT.currentSize)) !== virtualSize
            ? `its footer says ${footer.readBigUInt64BE(AT.currentSize)} bytes, not ${virtualSize}`
            : type === 'fixed' && size !== virtualSize + FOOTER_SIZE
              ? `the file has ${size} bytes, not ${virtualSize + FOOTER_SIZE}`
              : undefined;
  if (wrong !== undefined) throw new FactoryError('ImageFailed', `the VHD that was made is not used: ${wrong}`);
}

async function readFooter(path: string): Promise<{ footer: Buffer; size: number }> {
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    const { buffer, bytesRead } = await file.read(
      Buffer.alloc(FOOTER_SIZE),
      0,
      FOOTER_SIZE,
      Math.max(0, size - FOOTER_SIZE),
    );
    return { footer: buffer.subarray(0, bytesRead), size };
  } finally {
    await file.close();
  }
}

/** The one's complement of the sum of all bytes but the checksum's own. */
function sumFooter(footer: Buffer): number {
  let sum = 0;
  footer.forEach((byte, at) => (sum += at >= AT.checksum && at < AT.checksum + 4 ? 0 : byte));
  return ~sum >>> 0;
}
