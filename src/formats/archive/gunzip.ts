import { pipeline, Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { MIB } from '../bytes/sizes.js';
import { TarError } from './read-tar.js';

/** Unpacks a gzip. @throws TarError when it is none */
export async function* gunzip(stream: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const unpacking = createGunzip({ chunkSize: MIB });
  // The loop below sees every error.
  pipeline(Readable.from(stream, { objectMode: false }), unpacking, () => undefined);
  try {
    for await (const chunk of unpacking as AsyncIterable<Buffer>) yield chunk;
  } catch (error) {
    if (/^Z_/.test((error as NodeJS.ErrnoException).code ?? '')) {
      throw new TarError(`the gzip is wrong: ${(error as Error).message}`);
    }
    throw error;
  } finally {
    unpacking.destroy();
  }
}
