import { randomBytes } from 'node:crypto';
import { type FileHandle, mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { FactoryError } from '../domain/errors.js';
import type { BuildRecord } from '../domain/record.js';
import { withStoreErrors } from '../domain/store-errors.js';
import { maskRecord } from '../planning/secrets.js';
import {
  addFiles,
  createFile,
  ifAbsent,
  listFolder,
  moveFile,
  moveFolder,
  readFileIfExists,
  replaceFile,
} from './files.js';
import { FileSink } from './file-sink.js';
import { parseRecord } from './parse-record.js';
import type { FilePart, Store } from './types.js';

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const DOCUMENT_NAME = /^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$/;
/** Bytes that we buffer in memory. We report the progress each time when the buffer has been written. */
const REPORT_EVERY = 4 * 1024 * 1024;

/**
 * A store in a folder, with the files `<uuid>.meta` and `<uuid>.body`, as in the original imagefactory (Python), and a
 * folder `<uuid>.d` for the working documents. Only the owner of the files can read them, because documents contain
 * passwords and keys. Any number of processes can use the store at the same time, also on a network file system,
 * because every write is a rename or a link of a complete file.
 *
 * @throws FactoryError StoreFailed from every method; retryable when the disk is full or the device fails
 */
export class FileStore implements Store {
  constructor(readonly directory: string) {}

  bodyPath(uuid: string): string {
    return join(this.directory, `${requireUuid(uuid)}.body`);
  }

  async prepareWorkFolder(uuid: string): Promise<string> {
    const path = this.workFolder(uuid);
    await withStoreErrors('create', path, () => mkdir(path, { recursive: true, mode: 0o700 }));
    return path;
  }

  async removeWorkFolder(uuid: string): Promise<void> {
    const path = this.workFolder(uuid);
    await withStoreErrors('remove', path, () => rm(path, { recursive: true, force: true }));
  }

  async moveToBody(uuid: string, path: string): Promise<void> {
    await withStoreErrors('write', this.bodyPath(uuid), () => moveFile(path, this.bodyPath(uuid)));
  }

  async writeRecord(record: BuildRecord): Promise<void> {
    const path = this.metaPath(record.identifier);
    const text = `${JSON.stringify(maskRecord(record), null, 2)}\n`;
    await withStoreErrors('write', path, () => replaceFile(path, (file) => file.writeFile(text)));
  }

  async readRecord(uuid: string): Promise<BuildRecord | undefined> {
    const path = this.metaPath(uuid);
    return withStoreErrors('read', path, async () => {
      const text = await readFileIfExists(path);
      return text === undefined ? undefined : parseRecord(text.toString('utf8'), uuid);
    });
  }

  async listRecords(): Promise<{ records: BuildRecord[]; unreadable: string[] }> {
    const names = await withStoreErrors('read', this.directory, () => listFolder(this.directory));
    const records: BuildRecord[] = [];
    const unreadable: string[] = [];
    for (const name of names.filter((entry) => entry.endsWith('.meta')).sort()) {
      const uuid = name.slice(0, -'.meta'.length);
      const record = UUID.test(uuid) ? await this.readRecord(uuid).catch(() => 'unreadable' as const) : 'unreadable';
      if (record === 'unreadable') unreadable.push(name);
      // The record is undefined if it was deleted after we had listed the folder.
      else if (record !== undefined) records.push(record);
    }
    records.sort((one, other) => Date.parse(other.created_at) - Date.parse(one.created_at));
    return { records, unreadable };
  }

  async deleteRecord(uuid: string): Promise<string[]> {
    const own = `${requireUuid(uuid)}.`;
    const names = await withStoreErrors('read', this.directory, () => listFolder(this.directory));
    // The names include temporary files of interrupted writes. We remove the record last, so that the image still has a
    // record until all its other files are gone.
    const mine = names.filter((name) => name.startsWith(own)).sort((one) => (one.endsWith('.meta') ? 1 : -1));
    for (const name of mine) {
      const path = join(this.directory, name);
      await withStoreErrors('remove', path, () => rm(path, { recursive: true, force: true }));
    }
    return mine.filter((name) => /\.(meta|body|d)$/.test(name)).sort();
  }

  async writeDocument(uuid: string, name: string, content: string | Buffer): Promise<void> {
    const path = this.documentPath(uuid, name);
    const write = (): Promise<void> => replaceFile(path, (file) => file.writeFile(content));
    // The temporary file is gone when the folder was put aside during the write (see deleteDocumentsUnless).
    await withStoreErrors('write', path, () => write().catch(ifAbsent(write)));
  }

  async readDocument(uuid: string, name: string, part?: FilePart): Promise<Buffer | undefined> {
    const path = this.documentPath(uuid, name);
    return withStoreErrors('read', path, () => readFileIfExists(path, part));
  }

  async listDocuments(uuid: string): Promise<string[]> {
    const folder = join(this.directory, `${requireUuid(uuid)}.d`);
    const names = await withStoreErrors('read', folder, () => listFolder(folder));
    // The other names are temporary files of writes that run or were interrupted.
    return names.filter((name) => !name.endsWith('.part')).sort();
  }

  async ensureDocument(uuid: string, name: string, make: () => string | Promise<string>): Promise<Buffer> {
    const path = this.documentPath(uuid, name);
    return withStoreErrors('write', path, async () => {
      const present = await readFileIfExists(path);
      if (present !== undefined) return present;
      const content = await make();
      await createFile(path, (file) => file.writeFile(content));
      return readFile(path);
    });
  }

  async deleteDocument(uuid: string, name: string): Promise<void> {
    const path = this.documentPath(uuid, name);
    await withStoreErrors('remove', path, () => rm(path, { force: true }));
  }

  async deleteDocumentsUnless(uuid: string, areNeeded: () => Promise<boolean>): Promise<void> {
    const own = `${requireUuid(uuid)}.d`;
    const folder = join(this.directory, own);
    await withStoreErrors('move', folder, () =>
      moveFolder(folder, `${folder}.${randomBytes(6).toString('hex')}.aside`),
    );
    let needed = true;
    try {
      needed = await areNeeded();
    } finally {
      // There may be more than one folder, if an earlier call was interrupted.
      const names = await withStoreErrors('read', this.directory, () => listFolder(this.directory));
      for (const name of names.filter((entry) => entry.startsWith(`${own}.`) && entry.endsWith('.aside'))) {
        const aside = join(this.directory, name);
        if (needed) await withStoreErrors('move', aside, () => addFiles(aside, folder));
        await withStoreErrors('remove', aside, () => rm(aside, { recursive: true, force: true }));
      }
    }
  }

  async writeBody(
    uuid: string,
    data: NodeJS.ReadableStream,
    options: { signal?: AbortSignal; onProgress?: (bytes: number) => void } = {},
  ): Promise<number> {
    const { signal, onProgress } = options;
    const path = this.bodyPath(uuid);
    let bytes = 0;
    const copy = async (file: FileHandle): Promise<void> => {
      const sink = new FileSink(file, REPORT_EVERY);
      sink.on('drain', () => onProgress?.(sink.bytes));
      await pipeline(data, sink, { signal });
      bytes = sink.bytes;
    };
    await withStoreErrors('write', path, async () => {
      try {
        await replaceFile(path, copy);
      } catch (error) {
        signal?.throwIfAborted();
        throw error;
      }
    });
    onProgress?.(bytes);
    return bytes;
  }

  private workFolder(uuid: string): string {
    return join(this.directory, `${requireUuid(uuid)}.d`, 'work');
  }

  private metaPath(uuid: string): string {
    return join(this.directory, `${requireUuid(uuid)}.meta`);
  }

  private documentPath(uuid: string, name: string): string {
    if (!DOCUMENT_NAME.test(name))
      throw new FactoryError('StoreFailed', `${JSON.stringify(name)} is not a valid name for a document in the store`);
    return join(this.directory, `${requireUuid(uuid)}.d`, name);
  }
}

/** Checks a UUID, because the UUID becomes a part of paths. */
function requireUuid(uuid: string): string {
  if (UUID.test(uuid)) return uuid;
  throw new FactoryError('StoreFailed', `${JSON.stringify(uuid)} is not a valid UUID of an image`);
}
