import { z } from 'zod';
import type { Operation } from '../types.js';

/** The note of an upload. */
const NOTE = 'ec2-blocks';
const DOCUMENT = z.strictObject({
  /** The snapshot that has the blocks. */
  snapshot: z.string(),
  /** One bit for each block, the lowest bit of a byte first; base64. */
  blocks: z.base64(),
});

/**
 * The blocks that EBS has confirmed, as a note of the image: EBS lists the blocks of a snapshot only when it is
 * completed (https://docs.aws.amazon.com/ebs/latest/userguide/ebsapi-faq.html). A block that is not noted is sent
 * again, which changes nothing.
 */
export class SentBlocks {
  private writing: Promise<void> = Promise.resolve();
  private waiting: Promise<void> | undefined;

  private constructor(
    private readonly operation: Operation,
    private readonly snapshot: string,
    private readonly bits: Buffer,
  ) {}

  /** Reads the note. Without a note, or with one about another snapshot, no block counts as sent. */
  static async read(operation: Operation, snapshot: string, count: number): Promise<SentBlocks> {
    const bits = Buffer.alloc(Math.ceil(count / 8));
    const noted = parse(await operation.notes.read(NOTE));
    if (noted?.snapshot === snapshot) Buffer.from(noted.blocks, 'base64').copy(bits);
    return new SentBlocks(operation, snapshot, bits);
  }

  has(index: number): boolean {
    return ((this.bits[index >> 3] ?? 0) & (1 << (index & 7))) !== 0;
  }

  /**
   * Notes a block. Resolves when the note is written, so that no more blocks than there are connections are sent twice
   * after a kill. One writing holds all blocks that were confirmed while the last one was under way.
   */
  async add(index: number): Promise<void> {
    this.bits[index >> 3] = (this.bits[index >> 3] ?? 0) | (1 << (index & 7));
    this.waiting ??= this.writing.then(() => this.write());
    await this.waiting;
  }

  private async write(): Promise<void> {
    this.waiting = undefined;
    const document: z.output<typeof DOCUMENT> = { snapshot: this.snapshot, blocks: this.bits.toString('base64') };
    const written = this.operation.notes.write(NOTE, JSON.stringify(document));
    this.writing = written.catch(() => undefined);
    await written;
  }
}

function parse(text: string | undefined): z.output<typeof DOCUMENT> | undefined {
  if (text === undefined) return undefined;
  try {
    return DOCUMENT.parse(JSON.parse(text));
  } catch {
    // A note that cannot be read is as good as none.
    return undefined;
  }
}
