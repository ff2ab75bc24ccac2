import { createHash } from 'node:crypto';
import type { UploadedFile } from '../../domain/provider-image.js';
import { readBlocks } from '../transfer/blocks.js';
import { runConcurrently } from '../transfer/run-concurrently.js';
import { UploadPace } from '../transfer/upload-pace.js';
import type { Operation, PushedImage } from '../types.js';
import { type Aws, CONNECTIONS } from './aws.js';
import { hasCode } from './errors.js';
import { SentBlocks } from './sent-blocks.js';
import { openSnapshot, waitForSnapshot } from './snapshots.js';

/** Bytes of a block of a snapshot. */
const BLOCK_SIZE = 512 * 1024;

const VERIFIED_BY = 'SHA-256 of every block, and SHA-256 over all of them, checked by EBS';

interface DataBlock {
  index: number;
  data: Buffer;
  checksum: string;
  /** Bytes of the file in the block. */
  length: number;
}

/** Brings the disk into a snapshot: https://docs.aws.amazon.com/ebs/latest/userguide/writesnapshots.html */
export async function uploadSnapshot(aws: Aws, operation: Operation, image: PushedImage): Promise<UploadedFile> {
  const { id, state } = await openSnapshot(aws, operation, image);
  const uploaded = (sent: number): UploadedFile => ({ ids: { snapshot: id }, sent, verifiedBy: VERIFIED_BY });
  // Only a snapshot whose checksum was right is ever completed.
  if (state === 'completed') return uploaded(0);
  const upload = new SnapshotUpload(aws, operation, image, id);
  await upload.run();
  await waitForSnapshot(aws, operation, id);
  return uploaded(upload.sent);
}

class SnapshotUpload {
  /** Bytes of the file that were sent. */
  sent = 0;
  /** Blocks of the disk that are not all zero. */
  private count = 0;
  /** SHA-256 over the SHA-256 of those blocks, in the order of the disk: EBS's method `LINEAR`. */
  private readonly linear = createHash('sha256');
  private isSealed = false;
  private readonly pace: UploadPace;

  constructor(
    private readonly aws: Aws,
    private readonly operation: Operation,
    private readonly image: PushedImage,
    private readonly id: string,
  ) {
    const { size, name } = image.file;
    this.pace = new UploadPace(operation, `uploading ${name} to EBS in ${aws.home.name}`, size);
  }

  async run(): Promise<void> {
    const done = await SentBlocks.read(this.operation, this.id, Math.ceil(this.image.file.size / BLOCK_SIZE));
    await runConcurrently(this.missingBlocks(done), CONNECTIONS, async (block) => {
      if (this.isSealed) return;
      await this.pace.acquire(block.length);
      await this.put(block);
      if (this.isSealed) return;
      this.sent += block.length;
      this.pace.sent(block.length);
      await done.add(block.index);
    });
    if (!this.isSealed) await this.complete();
  }

  /** Reads the whole disk, because the last call needs the digests of all blocks. Yields the blocks to send. */
  private async *missingBlocks(done: SentBlocks): AsyncGenerator<DataBlock> {
    const { path } = this.image.file;
    for await (const { index, data, length } of readBlocks(path, BLOCK_SIZE, { signal: this.operation.signal })) {
      if (this.isSealed) return;
      if (data === undefined) {
        this.pace.skip(length);
        continue;
      }
      const whole = length === BLOCK_SIZE ? data : Buffer.concat([data], BLOCK_SIZE);
      const digest = createHash('sha256').update(whole).digest();
      this.linear.update(digest);
      this.count++;
      if (done.has(index)) this.pace.skip(length);
      else yield { index, data: whole, checksum: digest.toString('base64'), length };
    }
  }

  private async put({ index, data, checksum }: DataBlock): Promise<void> {
    const { home } = this.aws;
    try {
      const request = {
        SnapshotId: this.id,
        BlockIndex: index,
        BlockData: data,
        DataLength: data.length,
        Checksum: checksum,
        ChecksumAlgorithm: 'SHA256' as const,
      };
      // EBS may not know its own new snapshot for a while (awslabs/coldsnap#43). If it is gone, the next attempt
      // finds that out.
      const transient = ['ResourceNotFoundException'];
      await this.aws.call(
        this.operation,
        home,
        'ebs:PutSnapshotBlock',
        (options) => home.ebs.putSnapshotBlock(request, options),
        transient,
      );
    } catch (error) {
      // An attempt whose last reply was lost has completed the snapshot.
      if (hasCode(error, 'ValidationException') && /already completed/i.test(error.message)) this.isSealed = true;
      else throw error;
    }
  }

  private async complete(): Promise<void> {
    const { home } = this.aws;
    const request = {
      SnapshotId: this.id,
      ChangedBlocksCount: this.count,
      Checksum: this.linear.digest('base64'),
      ChecksumAlgorithm: 'SHA256' as const,
      ChecksumAggregationMethod: 'LINEAR' as const,
    };
    await this.aws.call(this.operation, home, 'ebs:CompleteSnapshot', (options) =>
      home.ebs.completeSnapshot(request, options),
    );
  }
}
