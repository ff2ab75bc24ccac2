import type { BuildRecord } from '../domain/record.js';

/** A part of a file: the offset of its first byte, and its length in bytes. */
export interface FilePart {
  offset: number;
  length: number;
}

/**
 * Keeps the records, bodies and working documents of builds. Every write is complete or has no effect, because a
 * temporary file is written first and then moved into place. Reads return undefined when the record or document does
 * not exist.
 */
export interface Store {
  /** The storage directory, e.g. `/var/lib/imagefactory/storage`. */
  readonly directory: string;
  /** Returns the path of `<uuid>.body`. */
  bodyPath(uuid: string): string;
  /**
   * Returns the folder `<uuid>.d/work` for temporary files of the image, and creates it if it does not exist. It is on
   * the same file system as the body.
   */
  prepareWorkFolder(uuid: string): Promise<string>;
  /** Removes the folder for temporary files, with its content. Does nothing when it does not exist. */
  removeWorkFolder(uuid: string): Promise<void>;
  writeRecord(record: BuildRecord): Promise<void>;
  readRecord(uuid: string): Promise<BuildRecord | undefined>;
  /** Lists every record, newest first; `unreadable` has the file names of the records that cannot be read. */
  listRecords(): Promise<{ records: BuildRecord[]; unreadable: string[] }>;
  /** Removes the record, the body and the working documents of an image; returns the names of the removed files. */
  deleteRecord(uuid: string): Promise<string[]>;
  /**
   * Writes a working document, such as `template.tdl`, `install_script`, `plan.json`, `icicle.xml` or `key`. The file
   * has the mode 0600.
   */
  writeDocument(uuid: string, name: string, content: string | Buffer): Promise<void>;
  /** Reads a working document, or only a part of it. A part is shorter, or empty, where the document ends. */
  readDocument(uuid: string, name: string, part?: FilePart): Promise<Buffer | undefined>;
  /** Lists the names of the documents of an image. */
  listDocuments(uuid: string): Promise<string[]>;
  /** Writes the document if it does not exist yet, and returns its content. A second call returns the same content. */
  ensureDocument(uuid: string, name: string, make: () => string | Promise<string>): Promise<Buffer>;
  deleteDocument(uuid: string, name: string): Promise<void>;
  /**
   * Deletes the working documents, unless somebody needs them. First puts them aside, then asks `areNeeded`, and
   * deletes them only when the answer is false. Else puts them back, except those that were written anew in between. So
   * a document that is written after the call of `areNeeded` is never deleted.
   */
  deleteDocumentsUnless(uuid: string, areNeeded: () => Promise<boolean>): Promise<void>;
  /**
   * Writes the body from a stream, into a temporary file that is synced and then moved into place. Returns the number
   * of bytes.
   */
  writeBody(
    uuid: string,
    data: NodeJS.ReadableStream,
    options?: { signal?: AbortSignal; onProgress?: (bytes: number) => void },
  ): Promise<number>;
  /** Makes a complete file in the image's work folder the body, by a rename. Replaces an existing body. */
  moveToBody(uuid: string, path: string): Promise<void>;
}
