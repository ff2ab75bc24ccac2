import type { BuildRecord } from '../domain/record.js';

/**
 * Keeps records, bodies and the working documents of builds. Every write is complete or has no effect (a temporary file
 * is moved into place). Every read returns undefined when there is nothing.
 */
export interface Store {
  /** The storage directory, e.g. `/var/lib/imagefactory/storage`. */
  readonly directory: string;
  /** Returns the path of `<uuid>.body`. */
  bodyPath(uuid: string): string;
  writeRecord(record: BuildRecord): Promise<void>;
  readRecord(uuid: string): Promise<BuildRecord | undefined>;
  /** Lists every record, newest first, and the file names of records that cannot be read. */
  listRecords(): Promise<{ records: BuildRecord[]; unreadable: string[] }>;
  /** Removes record, body and working documents; returns the names of the removed files. */
  deleteRecord(uuid: string): Promise<string[]>;
  /** Writes a working document: `template.tdl`, `install_script`, `plan.json`, `icicle.xml`, `key`, … Mode 0600. */
  writeDocument(uuid: string, name: string, content: string | Buffer): Promise<void>;
  readDocument(uuid: string, name: string): Promise<Buffer | undefined>;
  /** Writes the document if it does not exist yet, and returns its content: safe to run twice. */
  ensureDocument(uuid: string, name: string, make: () => string | Promise<string>): Promise<Buffer>;
  deleteDocument(uuid: string, name: string): Promise<void>;
  /** Writes the body from a stream: into a temporary file, which is synced and moved into place. Returns the bytes. */
  writeBody(
    uuid: string,
    data: NodeJS.ReadableStream,
    options?: { signal?: AbortSignal; onProgress?: (bytes: number) => void },
  ): Promise<number>;
}
