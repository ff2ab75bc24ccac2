import { createHash } from 'node:crypto';
import type { ProviderCall, ProviderReply } from '../provider-server.js';
import type { ImageHost, Ticket } from './image-host.js';

/** Bytes whose state the extents tell: a cluster of a qcow2. */
const CLUSTER = 65_536;
const MIB = 1024 ** 2;
/** The limits of handlers/checksum.py in ovirt-imageio 2.5.1. */
const CHECKSUM_BLOCK = { least: MIB, most: 16 * MIB, multiple: 4096 };

/** A disk of the fake: its bytes. */
export interface FakeDisk {
  content: Buffer;
}

/**
 * imageio with the NBD backend, as the handlers of ovirt-imageio 2.5.1 answer (images.py, extents.py, checksum.py,
 * auth.py).
 */
export class FakeImageio implements ImageHost {
  readonly disks = new Map<string, FakeDisk>();
  readonly tickets = new Map<string, Ticket>();
  /** Bytes of all parts that were written. */
  written = 0;
  /** Offsets of the parts in the order in which they were written. */
  readonly offsets: number[] = [];
  features = ['checksum', 'extents', 'flush', 'zero'];
  /** Whether the storage tells which ranges are zero. Block storage does not. */
  tellsZeros = true;
  /** Whether there was a flush after the last write. */
  flushed = true;

  constructor(private readonly origin: () => string) {}

  async openDisk(ticket: Ticket): Promise<string> {
    this.tickets.set(ticket.id, ticket);
    if (!this.disks.has(ticket.diskId)) this.disks.set(ticket.diskId, { content: Buffer.alloc(ticket.size) });
    return `${this.origin()}/images/${ticket.id}`;
  }

  async closeDisk(ticketId: string): Promise<void> {
    this.tickets.delete(ticketId);
  }

  async removeDisk(diskId: string): Promise<void> {
    this.disks.delete(diskId);
  }

  async copyDisk(diskId: string, copyId: string): Promise<void> {
    const content = this.disks.get(diskId)?.content;
    if (content !== undefined) this.disks.set(copyId, { content: Buffer.from(content) });
  }

  handle({ method, path, query, headers, body }: ProviderCall): ProviderReply {
    const [id = '', resource = ''] = path.slice('/images/'.length).split('/');
    const ticket = this.tickets.get(id);
    if (ticket === undefined) return refuse(403, `You are not allowed to access this resource: No such ticket ${id}`);
    const disk = this.disks.get(ticket.diskId);
    if (disk === undefined) return refuse(500, 'no disk');
    switch (`${method} ${resource}`) {
      case 'OPTIONS ':
        return reply({ features: this.features, max_readers: 8, max_writers: 8, unix_socket: '\0/org/ovirt/imageio' });
      case 'PUT ':
        return this.put(disk.content, ticket, query, headers, body);
      case 'PATCH ':
        return this.patch(disk.content, ticket, body);
      case 'GET extents':
        return reply(this.listExtents(disk.content));
      case 'GET checksum':
        return computeChecksum(disk.content, query);
      default:
        return refuse(404, `No handler for ${path}`);
    }
  }

  private put(
    content: Buffer,
    ticket: Ticket,
    query: URLSearchParams,
    headers: ProviderCall['headers'],
    body: Buffer,
  ): ProviderReply {
    if (headers['content-length'] === undefined) return refuse(400, 'Content-Length header is required');
    const flush = query.get('flush') ?? 'y';
    if (!['y', 'n'].includes(flush)) return refuse(400, `Unsupported value '${flush}' for 'flush'`);
    const range = /^bytes (\d+)-(\d+)\/(\*|\d+)$/.exec(headers['content-range'] ?? '');
    if (headers['content-range'] !== undefined && range === null) return refuse(400, 'Invalid Content-Range');
    const offset = Number(range?.[1] ?? 0);
    if (range !== null && Number(range[2]) - offset + 1 !== body.length) return refuse(400, 'Invalid Content-Range');
    if (offset + body.length > ticket.size) return refuse(416, 'Requested range out of allowed range');
    body.copy(content, offset);
    this.written += body.length;
    this.offsets.push(offset);
    this.flushed = flush === 'y';
    return { status: 200 };
  }

  private patch(content: Buffer, ticket: Ticket, body: Buffer): ProviderReply {
    const { op, offset = 0, size } = JSON.parse(body.toString()) as { op?: string; offset?: number; size?: unknown };
    if (op === 'flush') {
      this.flushed = true;
      return { status: 200 };
    }
    if (op !== 'zero') return refuse(400, `Unsupported value '${op}' for 'op', expecting one of ('zero', 'flush')`);
    if (typeof size !== 'number' || !Number.isInteger(size)) return refuse(400, 'Invalid type for size');
    if (offset + size > ticket.size) return refuse(416, 'Requested range out of allowed range');
    content.fill(0, offset, offset + size);
    this.flushed = false;
    return { status: 200 };
  }

  private listExtents(content: Buffer): { start: number; length: number; zero: boolean; hole: boolean }[] {
    const zeros = Buffer.alloc(CLUSTER);
    const extents: { start: number; length: number; zero: boolean; hole: boolean }[] = [];
    for (let start = 0; start < content.length; start += CLUSTER) {
      const length = Math.min(CLUSTER, content.length - start);
      const zero = this.tellsZeros && content.compare(zeros, 0, length, start, start + length) === 0;
      const last = extents.at(-1);
      if (last?.zero === zero) last.length += length;
      else extents.push({ start, length, zero, hole: zero });
    }
    return extents;
  }
}

/** The hash of the hashes of the blocks: blkhash.py. */
function computeChecksum(content: Buffer, query: URLSearchParams): ProviderReply {
  const algorithm = query.get('algorithm') ?? 'blake2b';
  if (algorithm !== 'sha256') return refuse(400, `the fake has no ${algorithm}`);
  const blockSize = Number(query.get('block_size') ?? 4 * MIB);
  const { least, most, multiple } = CHECKSUM_BLOCK;
  if (!(blockSize >= least && blockSize <= most))
    return refuse(400, `Block size out of allowed range: ${least}-${most}`);
  if (blockSize % multiple !== 0) return refuse(400, 'Block size is not aligned to 4096');
  const hash = createHash(algorithm);
  for (let start = 0; start < content.length; start += blockSize) {
    hash.update(
      createHash(algorithm)
        .update(content.subarray(start, start + blockSize))
        .digest(),
    );
  }
  return reply({ algorithm, block_size: blockSize, checksum: hash.digest('hex') });
}

function reply(document: unknown): ProviderReply {
  return { status: 200, headers: { 'content-type': 'application/json' }, body: JSON.stringify(document) };
}

/** imageio answers with a text: http.py. */
function refuse(status: number, text: string): ProviderReply {
  return { status, headers: { 'content-type': 'text/plain; charset=UTF-8' }, body: text };
}
