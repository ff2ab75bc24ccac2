import { Readable } from 'node:stream';
import { asRetryable, FactoryError } from '../../domain/errors.js';
import type { HttpResponse } from '../../http/http.js';
import { MIB } from '../../formats/bytes/sizes.js';
import { retryPart } from '../transfer/retry-part.js';
import type { UploadPace } from '../transfer/upload-pace.js';
import type { Operation } from '../types.js';
import { errorCodes, headerOf, type RegistryClient } from './client.js';
import type { Blob } from './content.js';
import { type PushNotes, writeNotes } from './notes.js';

/**
 * Bytes of one PATCH. Registries write each PATCH to their disk before they answer, so it is large; a proxy that
 * collects a request before it passes it on loses one of them when the worker dies.
 */
export const PART_SIZE = 128 * MIB;
/** Uploads of one blob that one attempt begins. Then the step fails, and Temporal starts the next attempt. */
const MOST_UPLOADS = 3;
/** Answers that say that an upload cannot go on: wrong offset, gone, or refused by the specification's other rules. */
const LOST = [400, 404, 405, 410, 416];
const OCTETS = 'application/octet-stream';

/** An upload at the registry. */
interface Session {
  /** Where the next part goes. Each answer has a new one. */
  location: URL;
  /** Bytes that the registry has. */
  offset: number;
}

/** Brings one blob to a repository, from the byte where the registry says that an earlier attempt stopped. */
export class BlobPush {
  /** Bytes that were sent. */
  sent = 0;
  private session: Session | undefined;
  /** The upload of which the last answer was lost: the registry says how far it came. */
  private doubtful: URL | undefined;
  private begun = 0;
  private isFirstStep = true;
  /** Whether the connection was lost since the upload began. What is refused then says nothing about parts. */
  private wasLost = false;
  /** Bytes of the blob that the progress counts. */
  private counted = 0;
  private partSize: number;

  constructor(
    private readonly client: RegistryClient,
    private readonly operation: Operation,
    private readonly notes: PushNotes,
    private readonly blob: Blob,
    private readonly pace: UploadPace,
    partSize = PART_SIZE,
  ) {
    this.partSize = partSize;
    const noted = notes.uploads[blob.digest];
    if (noted !== undefined && client.takesUpload(noted)) this.doubtful = new URL(noted);
  }

  /**
   * @param force pushes the blob also if the registry says that it has it: it has refused a manifest because it has not
   */
  async run(force = false): Promise<void> {
    if (!force && (await retryPart(this.operation, () => this.exists()))) return this.finish();
    while (!(await retryPart(this.operation, () => this.step()))) {
      // Each step sends one part.
    }
    await this.finish();
  }

  /** Whether the repository has the blob. */
  async exists(): Promise<boolean> {
    const { status } = await this.call({ method: 'HEAD', to: `blobs/${this.blob.digest}` }, [301, 302, 307, 308, 404]);
    // A registry leads to its store only for a blob that it has.
    return status !== 404;
  }

  /** Does the next thing: asks, begins, sends a part, or ends. @returns whether the registry has the blob */
  private async step(): Promise<boolean> {
    const isFirst = this.isFirstStep;
    this.isFirstStep = false;
    if (this.doubtful !== undefined) {
      this.wasLost = true;
      // The answer that was lost may have been the last one. Before the first step, `run` has asked.
      if (!isFirst && (await this.exists())) return true;
      this.session = await this.ask(this.doubtful);
      this.doubtful = undefined;
    }
    this.session ??= await this.begin();
    const { location, offset } = this.session;
    this.count(offset);
    this.doubtful = location;
    const session = offset < this.blob.size ? await this.sendPart(this.session) : await this.close(location);
    this.doubtful = undefined;
    this.session = session;
    return session === undefined;
  }

  private async begin(): Promise<Session> {
    if (this.begun >= MOST_UPLOADS) {
      throw new FactoryError('CloudUnavailable', `registry ${this.client.host} has lost the upload again and again`, {
        retryable: true,
        hint: 'with several registries behind one address, all need the same `http.secret` and the same store',
      });
    }
    const { location, leastPart } = await beginUpload(this.client, this.operation, this.notes.repository);
    this.begun++;
    this.wasLost = false;
    this.partSize = Math.max(this.partSize, leastPart);
    return this.note({ location, offset: 0 });
  }

  /** Asks how far an upload came. Undefined when it is lost. */
  private async ask(location: URL): Promise<Session | undefined> {
    const answer = await this.call({ method: 'GET', to: location }, [...LOST, 403]).catch((error: unknown) => {
      // The address may be a permission that has ended. Who has none at all hears so when another upload begins.
      if (error instanceof FactoryError && error.status === 401) return undefined;
      throw error;
    });
    const isLost = answer === undefined || answer.status >= 400;
    const end = isLost ? undefined : rangeEnd(answer);
    // `0-0` stands for one byte, and in many registries also for none.
    if (isLost || end === undefined || end === 0 || end >= this.blob.size) {
      await this.cancel(location);
      return undefined;
    }
    return this.note({ location: this.locationOf(answer, location), offset: end + 1 });
  }

  private async sendPart({ location, offset }: Session): Promise<Session> {
    const length = Math.min(this.partSize, this.blob.size - offset);
    const isWhole = length === this.blob.size;
    // Without a range for a whole blob, as docker does: not every registry takes ranges.
    const range: Record<string, string> = isWhole ? {} : { 'content-range': `${offset}-${offset + length - 1}` };
    const answer = await this.call(
      {
        method: 'PATCH',
        to: location,
        headers: { 'content-type': OCTETS, 'content-length': String(length), ...range },
        stream: () => Readable.from(this.readPart(offset, length)),
      },
      LOST,
    );
    if (LOST.includes(answer.status)) return this.giveUp(location, answer);
    const end = rangeEnd(answer) ?? offset + length - 1;
    if (end + 1 !== offset + length) return this.giveUp(location, answer);
    return this.note({ location: this.locationOf(answer, location), offset: offset + length });
  }

  /** Ends the upload: the registry compares the digest. Undefined when it has the blob. */
  private async close(location: URL): Promise<undefined> {
    const to = new URL(location);
    // The address may be signed: what it has must stay as it is.
    to.search += `${to.search === '' ? '' : '&'}digest=${encodeURIComponent(this.blob.digest)}`;
    // A registry whose store is a cloud's copies the whole blob before it answers: the time limit is that of uploads.
    const stream = (): Readable => Readable.from([]);
    const headers = { 'content-type': OCTETS, 'content-length': '0' };
    const answer = await this.call({ method: 'PUT', to, headers, stream }, LOST);
    if (!LOST.includes(answer.status)) return undefined;
    if (errorCodes(answer.body).includes('DIGEST_INVALID') && this.begun >= MOST_UPLOADS) {
      throw new FactoryError('ImageFailed', `the registry computes another digest of ${this.blob.title} than we do`, {
        status: answer.status,
        hint: 'something between the worker and the registry changes the bytes',
      });
    }
    return this.giveUp(location, answer);
  }

  /**
   * The upload cannot go on. The next try begins another one, and sends the blob in one piece: some registries take no
   * parts at all (Google’s), or small ones only (GitHub’s), or forget all after the first one (Amazon’s). After a lost
   * connection it sends parts again: others (distribution 2) refuse only to go on with what was cut.
   */
  private async giveUp(location: URL, answer: HttpResponse): Promise<never> {
    if (!this.wasLost) this.partSize = Number.MAX_SAFE_INTEGER;
    await this.cancel(location);
    this.doubtful = undefined;
    this.session = undefined;
    const codes = errorCodes(answer.body).join(', ') || 'no reason';
    const message = `registry ${this.client.host} does not go on with the upload (${answer.status}: ${codes})`;
    throw asRetryable(new FactoryError('CloudUnavailable', message, { status: answer.status }));
  }

  /** Ends an upload that is not needed. It ends anyway, some days later. */
  private async cancel(location: URL): Promise<void> {
    await cancelUpload(this.client, this.operation, this.notes.repository, location.href);
    delete this.notes.uploads[this.blob.digest];
  }

  private async *readPart(offset: number, length: number): AsyncGenerator<Buffer> {
    for await (const chunk of this.blob.read(offset, length)) {
      await this.pace.acquire(chunk.length);
      yield chunk;
      this.sent += chunk.length;
      this.counted += chunk.length;
      this.pace.sent(chunk.length);
    }
  }

  private async finish(): Promise<void> {
    this.count(this.blob.size);
    if (this.notes.uploads[this.blob.digest] === undefined) return;
    delete this.notes.uploads[this.blob.digest];
    await writeNotes(this.operation, this.notes);
  }

  /** Sets the progress to what the registry has. */
  private count(offset: number): void {
    if (offset !== this.counted) this.pace.skip(offset - this.counted);
    this.counted = offset;
  }

  private async note(session: Session): Promise<Session> {
    this.notes.uploads[this.blob.digest] = session.location.href;
    await writeNotes(this.operation, this.notes);
    return session;
  }

  private locationOf(answer: HttpResponse, previous: URL): URL {
    return headerOf(answer, 'location') === undefined ? previous : this.client.resolveLocation(answer);
  }

  private call(
    call: Omit<Parameters<RegistryClient['send']>[0], 'repository' | 'signal'>,
    accept: readonly number[],
  ): Promise<HttpResponse> {
    return this.client.send({ ...call, repository: this.notes.repository, signal: this.operation.signal }, accept);
  }
}

/** Reads the last byte that the registry has. Undefined when it does not tell. */
function rangeEnd(answer: HttpResponse): number | undefined {
  const [, end] = /^(?:bytes=)?0-(\d+)$/.exec(headerOf(answer, 'range') ?? '') ?? [];
  return end === undefined ? undefined : Number(end);
}

/** Begins an upload. `leastPart`: bytes that each of its parts must have at least, but the last one. */
export async function beginUpload(
  client: RegistryClient,
  { signal }: Operation,
  repository: string,
): Promise<{ location: URL; leastPart: number }> {
  const headers = { 'content-length': '0' };
  const answer = await client.send({ method: 'POST', to: 'blobs/uploads/', headers, repository, signal }, [404]);
  if (answer.status === 404) {
    throw new FactoryError('NotFound', `registry ${client.host} has no repository ${repository}`, {
      status: 404,
      hint: `create the repository ${repository} (or its project) first: this registry does not make it at a push`,
    });
  }
  const leastPart = Number(headerOf(answer, 'oci-chunk-min-length') ?? 0) || 0;
  return { location: client.resolveLocation(answer), leastPart };
}

/** Ends an upload. @returns whether the registry had it */
export async function cancelUpload(
  client: RegistryClient,
  { signal }: Operation,
  repository: string,
  location: string,
): Promise<boolean> {
  const call = { method: 'DELETE', to: new URL(location), repository, signal } as const;
  try {
    const { status } = await client.send(call, LOST);
    return !LOST.includes(status);
  } catch (error) {
    signal.throwIfAborted();
    // Some registries let nobody end an upload without the permission to delete. They remove it themselves.
    if (error instanceof FactoryError && !error.retryable) return false;
    throw error;
  }
}
