import { createHash } from 'node:crypto';

/**
 * Computes imageio's checksum of a disk: the SHA-256 of the SHA-256s of its blocks, in their order, where the last
 * block may be shorter. imageio's own default is BLAKE2b with 32 bytes, which Node's crypto lacks: its `blake2b512` is
 * another function, not a longer form of the same. See blkhash.py in ovirt-imageio.
 */
export class BlockHash {
  private readonly hash = createHash('sha256');
  private readonly zeros = new Map<number, Buffer>();

  /** Adds the next block. Undefined stands for zeros. */
  add(data: Buffer | undefined, length: number): void {
    this.hash.update(data === undefined ? this.digestZeros(length) : createHash('sha256').update(data).digest());
  }

  /** Returns the checksum in hexadecimal. Nothing can be added any more. */
  digest(): string {
    return this.hash.digest('hex');
  }

  private digestZeros(length: number): Buffer {
    const known = this.zeros.get(length);
    if (known !== undefined) return known;
    const digest = createHash('sha256').update(Buffer.alloc(length)).digest();
    this.zeros.set(length, digest);
    return digest;
  }
}
