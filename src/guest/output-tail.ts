import { StringDecoder } from 'node:string_decoder';

/** Bytes of memory that a tail begins with. The memory grows up to the limit, because most outputs are short. */
const FIRST_SIZE = 4096;

/**
 * Keeps the last bytes of a stream, in a ring that never takes more memory than the limit. Passes the stream's text to
 * `onText` as it arrives, without splitting a character.
 */
export class OutputTail {
  private readonly decoder = new StringDecoder('utf8');
  private ring = Buffer.alloc(0);
  /** Bytes of the whole stream so far. The next byte goes to this place of the ring, modulo the length of the ring. */
  private received = 0;

  /** @param limit maximum number of bytes to keep */
  constructor(
    private readonly limit: number,
    private readonly onText: (text: string) => void = () => undefined,
  ) {}

  /** Bytes of the whole stream so far. The tail keeps only the last of them. */
  get size(): number {
    return this.received;
  }

  push(chunk: Buffer): void {
    this.reserve(this.received + chunk.length);
    const kept = chunk.subarray(Math.max(0, chunk.length - this.limit));
    this.received += chunk.length - kept.length;
    const at = this.ring.length === 0 ? 0 : this.received % this.ring.length;
    const fitting = kept.copy(this.ring, at);
    kept.copy(this.ring, 0, fitting);
    this.received += kept.length;
    const text = this.decoder.write(chunk);
    if (text !== '') this.onText(text);
  }

  /** Returns the kept text, from the first complete character on. */
  toString(): string {
    if (this.received <= this.limit) return this.ring.toString('utf8', 0, this.received);
    const at = this.received % this.ring.length;
    const bytes = Buffer.concat([this.ring.subarray(at), this.ring.subarray(0, at)]);
    let start = 0;
    // Continuation bytes (10xxxxxx) at the beginning belong to a character whose start is lost.
    while (start < 3 && ((bytes[start] ?? 0) & 0xc0) === 0x80) start++;
    return bytes.toString('utf8', start);
  }

  /** Makes the ring large enough for a stream of this size. A ring that grows has not begun to overwrite yet. */
  private reserve(size: number): void {
    if (size <= this.ring.length || this.ring.length === this.limit) return;
    const grown = Buffer.alloc(Math.min(this.limit, Math.max(FIRST_SIZE, size, 2 * this.ring.length)));
    this.ring.copy(grown, 0, 0, this.received);
    this.ring = grown;
  }
}
