import { FactoryError } from '../../domain/errors.js';
import type { Block } from '../transfer/blocks.js';
import { retryPart } from '../transfer/retry-part.js';
import { UploadPace } from '../transfer/upload-pace.js';
import type { Operation, PushedImage } from '../types.js';
import { BlockHash } from './block-hash.js';
import { FarDisk } from './far-disk.js';
import type { Imageio, ImageioOptions } from './imageio.js';
import { keepAlive } from './keep-alive.js';
import { readParts } from './read-parts.js';

/** Bytes of a part, and of a block of the checksum. imageio allows 1 to 16 MiB for the latter. */
const PART = 4 * 1024 ** 2;
/** Parts that are sent at the same time. More connections than the host allows would wait for ever. */
const WRITERS = 4;
/** Most bytes that one call turns into zeros: slow storage writes them one by one. */
const ZERO_STEP = 1024 ** 3;
const NEEDED = ['extents', 'zero', 'flush'];

export interface SentDisk {
  /** Bytes that were sent. */
  sent: number;
  verifiedBy: string;
}

/**
 * Writes the image's disk through imageio, from the part where an earlier attempt has stopped, and compares the
 * checksum of what the host then reads from its storage.
 *
 * @throws FactoryError ImageFailed when the disk at the far end has other bytes, even after a whole second upload
 */
export async function sendDisk(operation: Operation, image: PushedImage, imageio: Imageio): Promise<SentDisk> {
  const options = await retryPart(operation, () => imageio.options(operation.signal));
  const missing = NEEDED.filter((feature) => !options.features.includes(feature));
  if (missing.length > 0) {
    throw new FactoryError('ImageFailed', `imageio of the oVirt host is too old: it lacks ${missing.join(', ')}`, {
      hint: 'update the hosts to oVirt 4.4 or newer',
    });
  }
  return await keepAlive(operation, imageio, async (operation) => {
    const first = await sendParts(operation, image, imageio, options, true);
    if (!options.features.includes('checksum')) {
      return { sent: first.sent, verifiedBy: 'not verified: imageio of the oVirt host cannot compute a checksum' };
    }
    if (await hasChecksum(operation, imageio, first.checksum)) return verified(first.sent);
    if (!first.resumed) throw differsError();
    // What an earlier attempt has left is not what we took it for. Everything is sent again.
    const second = await sendParts(operation, image, imageio, options, false);
    if (!(await hasChecksum(operation, imageio, second.checksum))) throw differsError();
    return verified(first.sent + second.sent);
  });
}

function verified(sent: number): SentDisk {
  return { sent, verifiedBy: 'SHA-256 of all blocks of the disk, computed by imageio on the oVirt host' };
}

function differsError(): FactoryError {
  return new FactoryError('ImageFailed', 'the disk in oVirt differs from the file after the upload', {
    hint: 'remove what was uploaded, and push again; if it happens again, check the storage domain',
  });
}

async function hasChecksum(operation: Operation, imageio: Imageio, expected: string): Promise<boolean> {
  operation.report({ message: 'the oVirt host computes the checksum of the disk', percent: 100 });
  return (await retryPart(operation, () => imageio.checksum(PART, operation.signal))) === expected;
}

/**
 * Sends the parts in ascending order, and starts a part only when all but the last few before it have arrived. So the
 * extents tell where an earlier attempt has stopped: before the end of the data, only so many of the last parts with
 * data can be incomplete. They are sent again.
 */
async function sendParts(
  operation: Operation,
  image: PushedImage,
  imageio: Imageio,
  options: ImageioOptions,
  mayResume: boolean,
): Promise<{ sent: number; resumed: boolean; checksum: string }> {
  const { signal } = operation;
  const far = new FarDisk(await retryPart(operation, () => imageio.extents(signal)));
  if (far.size < image.file.virtualSize) {
    throw new FactoryError('ImageFailed', `the disk in oVirt has ${far.size} bytes, fewer than the image’s disk`);
  }
  const writers = Math.min(WRITERS, options.max_writers);
  const pace = new UploadPace(operation, `uploading ${image.file.name} to oVirt`, far.size);
  const hash = new BlockHash();
  const sender = new Sender(operation, imageio, pace, writers);
  /** The last parts that have data at the far end. */
  const doubtful: Block[] = [];
  let resumed = false;
  for await (const part of readParts(image, PART, far.size, signal)) {
    hash.add(part.data, part.length);
    const hasData = far.hasData(part);
    if (mayResume && part.data !== undefined && hasData && part.offset < far.dataEnd) {
      doubtful.push(part);
      const arrived = doubtful.length > writers ? doubtful.shift() : undefined;
      if (arrived === undefined) continue;
      resumed = true;
      pace.skip(arrived.length);
      continue;
    }
    if (part.offset >= far.dataEnd) {
      for (const again of doubtful.splice(0)) await sender.send(again);
    }
    if (part.data !== undefined) await sender.send(part);
    else if (hasData) await sender.zero(part);
    else pace.skip(part.length);
  }
  for (const again of doubtful) await sender.send(again);
  await sender.finish();
  await retryPart(operation, () => imageio.flush(signal));
  return { sent: sender.sent, resumed, checksum: hash.digest() };
}

/** Sends parts over a few connections. */
class Sender {
  /** Bytes that the server has accepted. */
  sent = 0;
  private running: Promise<void>[] = [];
  private zeros: { offset: number; length: number } | undefined;

  constructor(
    private readonly operation: Operation,
    private readonly imageio: Imageio,
    private readonly pace: UploadPace,
    private readonly writers: number,
  ) {}

  /** Starts to send a part. Waits until the part has arrived that is so many parts before it. */
  async send(part: Block): Promise<void> {
    await this.writeZeros();
    while (this.running.length >= this.writers) await this.waitForFirst();
    const call = this.write(part);
    // Its failure is seen when its turn comes.
    call.catch(() => undefined);
    this.running.push(call);
  }

  /** Turns a part into zeros, together with its neighbours. */
  async zero({ offset, length }: Block): Promise<void> {
    const zeros = this.zeros;
    if (zeros !== undefined && zeros.offset + zeros.length === offset && zeros.length < ZERO_STEP) {
      zeros.length += length;
      return;
    }
    await this.writeZeros();
    this.zeros = { offset, length };
  }

  async finish(): Promise<void> {
    await this.writeZeros();
    while (this.running.length > 0) await this.waitForFirst();
  }

  private async waitForFirst(): Promise<void> {
    try {
      await this.running.shift();
    } catch (error) {
      await Promise.allSettled(this.running);
      throw error;
    }
  }

  private async write({ offset, length, data }: Block): Promise<void> {
    const { operation, imageio, pace } = this;
    if (data === undefined) return;
    await pace.acquire(length);
    await retryPart(operation, () => imageio.write(offset, data, operation.signal));
    this.sent += length;
    pace.sent(length);
  }

  private async writeZeros(): Promise<void> {
    const { zeros, operation } = this;
    if (zeros === undefined) return;
    this.zeros = undefined;
    await retryPart(operation, () => this.imageio.zero(zeros.offset, zeros.length, operation.signal));
    this.pace.skip(zeros.length);
  }
}
