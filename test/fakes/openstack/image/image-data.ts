import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { open, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { ApiError, type Call, type Reply } from '../core/http.js';
import type { FakeImage } from '../state.js';
import { readDiskContent } from './disk-content.js';

/** A file with all bytes of an image, and its checksums. */
interface SavedFile {
  file: string;
  size: number;
  checksum: string;
  os_hash_value: string;
}

/** The files with the bytes of images. */
export class ImageFiles {
  constructor(private readonly directory: string) {}

  /**
   * Receives the bytes of an upload. During the upload the image is `saving`; if the upload is cut off, the image is
   * `queued` again.
   */
  async receive(image: FakeImage, data: Readable): Promise<void> {
    if (image.status !== 'queued') {
      throw new ApiError(409, `Image status transition from ${image.status} to saving is not allowed`);
    }
    image.status = 'saving';
    let bytes: SavedFile;
    try {
      bytes = await this.save(image, data);
    } catch {
      image.status = 'queued';
      throw new ApiError(400, 'Error in store configuration or data was cut off');
    }
    await this.adopt(image, bytes);
    Object.assign(image, { status: 'active', updatedAt: Date.now() });
  }

  /** Saves a stream to the image's file. Deletes the file if the stream is cut off. */
  async save(image: FakeImage, data: Readable): Promise<SavedFile> {
    const file = join(this.directory, image.id);
    const sums = new Sums();
    try {
      await pipeline(data, sums, createWriteStream(file));
    } catch (error) {
      await rm(file, { force: true });
      throw error;
    }
    return { file, ...sums.result() };
  }

  /** Gives an image its saved bytes, and reads which kind of disk or medium they are. */
  async adopt(image: FakeImage, bytes: SavedFile): Promise<void> {
    const isRaw = image.disk_format === 'raw';
    const content = await readDiskContent(bytes.file, isRaw);
    const virtual_size = isRaw ? bytes.size : await readQcow2Size(bytes.file);
    Object.assign(image, { ...bytes, content, virtual_size });
  }

  /** Saves bytes as the bytes of an image at once, without the states of an upload. */
  async store(image: FakeImage, bytes: Buffer): Promise<void> {
    const file = join(this.directory, image.id);
    await writeFile(file, bytes);
    const sums = new Sums();
    sums.resume();
    await pipeline(Readable.from([bytes]), sums);
    Object.assign(image, { file, ...sums.result() });
  }

  /** Builds the reply with an image's bytes: https://docs.openstack.org/api-ref/image/v2/#download-binary-image-data */
  send(image: FakeImage, call: Call): Reply {
    if (image.status === 'queued' || image.status === 'saving') return { status: 204 };
    if (image.status === 'deactivated')
      throw new ApiError(403, 'The requested image has been deactivated. Image data download is forbidden.');
    if (image.file === undefined || image.size === null) return { status: 204 };
    const headers = { 'content-type': 'application/octet-stream', 'content-md5': image.checksum ?? '' };
    const range = /^bytes=(\d+)-(\d*)$/.exec(call.headers.range ?? '');
    if (range === null) {
      return {
        status: 200,
        headers: { ...headers, 'content-length': String(image.size) },
        stream: createReadStream(image.file),
      };
    }
    const start = Number(range[1]);
    const end = Math.min(range[2] === '' ? Infinity : Number(range[2]), image.size - 1);
    if (start > end) throw new ApiError(416, 'Invalid range');
    return {
      status: 206,
      headers: {
        ...headers,
        'content-length': String(end - start + 1),
        'content-range': `bytes ${start}-${end}/${image.size}`,
      },
      stream: createReadStream(image.file, { start, end }),
    };
  }

  async remove(image: FakeImage): Promise<void> {
    if (image.file !== undefined) await rm(image.file, { force: true });
  }
}

class Sums extends Transform {
  private readonly md5 = createHash('md5');
  private readonly sha512 = createHash('sha512');
  private size = 0;

  override _transform(chunk: Buffer, _encoding: string, done: (error: null, data: Buffer) => void): void {
    this.size += chunk.length;
    this.md5.update(chunk);
    this.sha512.update(chunk);
    done(null, chunk);
  }

  result(): Omit<SavedFile, 'file'> {
    return { size: this.size, checksum: this.md5.digest('hex'), os_hash_value: this.sha512.digest('hex') };
  }
}

/** Reads the virtual size in bytes from a qcow2 header (bytes 24 to 31). Returns null when the file is no qcow2. */
async function readQcow2Size(file: string): Promise<number | null> {
  const handle = await open(file);
  try {
    const header = Buffer.alloc(32);
    const { bytesRead } = await handle.read(header, 0, 32, 0);
    if (bytesRead < 32 || header.toString('latin1', 0, 4) !== 'QFI\xfb') return null;
    return Number(header.readBigUInt64BE(24));
  } finally {
    await handle.close();
  }
}
