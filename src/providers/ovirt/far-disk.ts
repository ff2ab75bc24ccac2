import type { Block } from '../transfer/blocks.js';
import type { ImageioExtent } from './imageio.js';

/** What the extents tell about the disk at the far end. */
export class FarDisk {
  /** Bytes of the disk. */
  readonly size: number;
  /** Offset after the last byte of data. 0 when the extents tell nothing about where an upload has stopped. */
  readonly dataEnd: number;
  private cursor = 0;

  constructor(private readonly extents: readonly ImageioExtent[]) {
    const last = extents.at(-1);
    this.size = last === undefined ? 0 : last.start + last.length;
    // A disk of blocks that are all allocated, or a server that cannot tell, has one extent of data: it says nothing.
    const tells = extents.some(({ zero }) => zero);
    const data = tells ? extents.findLast(({ zero }) => !zero) : undefined;
    this.dataEnd = data === undefined ? 0 : data.start + data.length;
  }

  /** Whether a part has data at the far end. Ask in ascending order. */
  hasData({ offset, length }: Block): boolean {
    const end = offset + length;
    while (this.cursor < this.extents.length && endOf(this.extents[this.cursor]) <= offset) this.cursor++;
    for (let index = this.cursor; index < this.extents.length; index++) {
      const extent = this.extents[index];
      if (extent === undefined || extent.start >= end) return false;
      if (!extent.zero) return true;
    }
    return false;
  }
}

function endOf(extent: ImageioExtent | undefined): number {
  return extent === undefined ? 0 : extent.start + extent.length;
}
