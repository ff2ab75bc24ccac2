import { StringDecoder } from 'node:string_decoder';

/**
 * Keeps the last bytes of a stream. Passes the stream's text to `onText` as it arrives, without splitting a character.
 */
export class OutputTail {
  private readonly decoder = new StringDecoder('utf8');
  private chunks: Buffer[] = [];
  private size = 0;

  /** @param limit maximum number of bytes to keep */
  constructor(
    private readonly limit: number,
    private readonly onText: (text: string) => void = () => undefined,
  ) {}

  push(chunk: Buffer): void {
    this.chunks.push(chunk);
    this.size += chunk.length;
    // We copy only when we hold more than twice the limit. So each byte is copied about once on average.
    if (this.size > 2 * this.limit) this.compact();
    const text = this.decoder.write(chunk);
    if (text !== '') this.onText(text);
  }

  /** Returns the kept text, from the first complete character on. */
  toString(): string {
    const cut = this.size > this.limit;
    this.compact();
    const bytes = this.chunks[0] ?? Buffer.alloc(0);
    let start = 0;
    // Continuation bytes (10xxxxxx) at the beginning belong to a character whose start is lost.
    while (cut && start < 3 && ((bytes[start] ?? 0) & 0xc0) === 0x80) start++;
    return bytes.toString('utf8', start);
  }

  private compact(): void {
    const bytes = Buffer.concat(this.chunks);
    const kept = Buffer.from(bytes.subarray(Math.max(0, bytes.length - this.limit)));
    this.chunks = [kept];
    this.size = kept.length;
  }
}
