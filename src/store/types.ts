import type { BuildRecord } from '../domain/record.js';

/**
 * Where records, bodies and a build's working documents are kept. Every write is whole or not at all (a temporary file
 * moved into place), every read answers undefined when there is nothing.
 */
export interface Store {
  /** The storage directory, e.g. `/var/lib/imagefactory/storage`. */
  readonly directory: string;
  /** Path of `<uuid>.body`. */
  bodyPath(uuid: string): string;
  writeRecord(record: BuildRecord): Promise<void>;
  readRecord(uuid: string): Promise<BuildRecord | undefined>;
  /** Every record, newest first; unreadable ones are reported, not fatal. */
  listRecords(): Promise<{ records: BuildRecord[]; unreadable: string[] }>;
  /** Removes record, body and working documents; answers the names of what was there. */
  deleteRecord(uuid: string): Promise<string[]>;
  /** A build's working document: `template.tdl`, `install_script`, `plan.json`, `icicle.xml`, `installer.console`, `key`, … Mode 0600. */
  writeDocument(uuid: string, name: string, content: string | Buffer): Promise<void>;
  readDocument(uuid: string, name: string): Promise<Buffer | undefined>;
  /** Writes only if there is none yet, and answers what is there afterwards: safe to run twice. */
  ensureDocument(uuid: string, name: string, make: () => string | Promise<string>): Promise<Buffer>;
  deleteDocument(uuid: string, name: string): Promise<void>;
  /** Receives the body: a stream into a temporary file, synced, moved into place. */
  writeBody(
    uuid: string,
    data: NodeJS.ReadableStream,
    options?: { signal?: AbortSignal; onProgress?: (bytes: number) => void },
  ): Promise<number>;
}
