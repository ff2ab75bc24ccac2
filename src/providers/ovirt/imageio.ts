import { z } from 'zod';
import { FactoryError } from '../../domain/errors.js';
import { decode } from '../../http/decode.js';
import { DEADLINES, HttpClient, type HttpRequest, type Tls } from '../../http/http.js';

const OPTIONS = z.looseObject({
  features: z.array(z.string()).default([]),
  /** Connections that may write at the same time. An old server leaves it out, and takes one. */
  max_writers: z.number().int().positive().default(1),
});
export type ImageioOptions = z.infer<typeof OPTIONS>;

const EXTENTS = z.array(z.looseObject({ start: z.number(), length: z.number(), zero: z.boolean() }));
/** A range of the disk. With `zero`, all its bytes are read as zeros. */
export type ImageioExtent = z.infer<typeof EXTENTS>[number];

const CHECKSUM = z.looseObject({ algorithm: z.string(), block_size: z.number(), checksum: z.string() });

/** Milliseconds for one part. At the slowest, a part of 4 MiB goes at 7 KiB/s. */
const PART_DEADLINE = 600_000;
/** Milliseconds for a checksum: the host reads the whole disk before it answers. */
const CHECKSUM_DEADLINE = 6 * 3_600_000;

/**
 * The server of an oVirt host that holds a disk during a transfer: https://ovirt.github.io/ovirt-imageio/images.html.
 * The URL has the transfer's ticket, by which anybody may write: no message names it.
 */
export class Imageio {
  private readonly http: HttpClient;
  private readonly patient: HttpClient;

  constructor(
    private readonly url: string,
    tls: Tls,
  ) {
    this.http = new HttpClient('', tls, { ...DEADLINES, headers: PART_DEADLINE, call: PART_DEADLINE });
    this.patient = new HttpClient('', tls, { ...DEADLINES, headers: CHECKSUM_DEADLINE, call: CHECKSUM_DEADLINE });
  }

  /** Asks what the server can do with this disk. The server takes the call for a sign of life of the client. */
  async options(signal?: AbortSignal): Promise<ImageioOptions> {
    return await this.call({ method: 'OPTIONS', url: this.url, signal }, OPTIONS);
  }

  /** Lists which ranges of the disk are zero. A server that cannot tell says that everything is data. */
  async extents(signal?: AbortSignal): Promise<ImageioExtent[]> {
    return await this.call({ method: 'GET', url: `${this.url}/extents`, signal }, EXTENTS);
  }

  /** Writes bytes. They are on the storage after {@link flush}. */
  async write(offset: number, data: Buffer, signal?: AbortSignal): Promise<void> {
    const last = offset + data.length - 1;
    await this.call({
      method: 'PUT',
      url: `${this.url}?flush=n`,
      headers: { 'content-type': 'application/octet-stream', 'content-range': `bytes ${offset}-${last}/*` },
      body: data,
      signal,
    });
  }

  /** Writes zeros, without sending them. */
  async zero(offset: number, size: number, signal?: AbortSignal): Promise<void> {
    await this.patch({ op: 'zero', offset, size, flush: false }, signal);
  }

  async flush(signal?: AbortSignal): Promise<void> {
    await this.patch({ op: 'flush' }, signal);
  }

  /** Reads the disk's checksum, which the host computes. See {@link BlockHash}. */
  async checksum(blockSize: number, signal?: AbortSignal): Promise<string> {
    const query = new URLSearchParams({ algorithm: 'sha256', block_size: String(blockSize) });
    const request = { method: 'GET', url: `${this.url}/checksum?${query.toString()}`, signal } as const;
    return (await this.call(request, CHECKSUM, this.patient)).checksum;
  }

  async close(): Promise<void> {
    await Promise.all([this.http.close(), this.patient.close()]);
  }

  private async patch(message: object, signal?: AbortSignal): Promise<void> {
    const body = JSON.stringify(message);
    const headers = { 'content-type': 'application/json' };
    await this.call({ method: 'PATCH', url: this.url, headers, body, signal });
  }

  private async call<T>(
    { signal, ...rest }: Omit<HttpRequest, 'product' | 'signal'> & { signal?: AbortSignal | undefined },
    schema?: z.ZodType<T>,
    http = this.http,
  ): Promise<T> {
    const request = { product: 'imageio', ...rest, ...(signal === undefined ? {} : { signal }) };
    try {
      const { body } = await http.send(request);
      return schema === undefined ? (undefined as T) : decode(http.toApiCall(request), schema, body);
    } catch (error) {
      signal?.throwIfAborted();
      throw error instanceof FactoryError ? this.withoutTicket(error) : error;
    }
  }

  private withoutTicket(error: FactoryError): FactoryError {
    const { status, retryAfterSeconds, hint } = error;
    const ticket = new URL(this.url).pathname.split('/').at(-1) ?? '';
    const message = ticket === '' ? error.message : error.message.replaceAll(ticket, '(ticket)');
    // The engine makes an expired ticket valid again, when the transfer is resumed.
    const isExpired = status === 403 && !LOST.test(message);
    const type = isExpired ? 'CloudUnavailable' : error.type;
    return new FactoryError(type, message, {
      status,
      retryable: isExpired || error.retryable,
      retryAfterSeconds,
      hint: status === 403 ? undefined : hint,
    });
  }
}

/** What imageio says of a ticket that it does not know, or that the engine has taken back. */
const LOST = /no such ticket|was cancell?ed/i;

/** Whether the server does not know the ticket: the host was started again, or somebody has cancelled the transfer. */
export function isTicketLost(error: unknown): boolean {
  return error instanceof FactoryError && error.status === 403 && LOST.test(error.message);
}
