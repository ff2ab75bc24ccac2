import type { Finding, Operation, PushedImage, StagingObject } from '../types.js';

/** A small document in a place, with what the place needs to know that it has not changed since. */
export interface PlacedDocument {
  text: string;
  /** Changes with each write. Undefined when the place does not tell. */
  version: string | undefined;
}

/** When a document may be written: always, if there is none yet, or if it still is the version that was read. */
export type WriteCondition = 'always' | 'absent' | { version: string };

/** What an upload of the image's file has done. */
export interface Placed {
  /** Bytes that this attempt has sent. */
  sent: number;
  /** How the copy was compared with the file, for people. */
  verifiedBy: string;
}

/**
 * A folder, a bucket or a web server: somewhere to put files. Names are relative to the URL of the configuration, with
 * `/` between folders. No method trusts what it has not made: the provider asks for the marks before.
 */
export interface Place {
  /** Where it is, for people, without secrets. */
  readonly location: string;
  readonly region: string | undefined;
  /** The URL of the configuration, without a slash at its end. */
  readonly url: string;
  /** The address under which others read the files, without a slash at its end. */
  readonly publicUrl: string;
  /** Reads a small document. Undefined when there is none. */
  read(operation: Operation, name: string): Promise<PlacedDocument | undefined>;
  /**
   * Writes a small document, and makes its folder if it is missing.
   *
   * @param marks our marks, for a place whose files can carry them
   * @returns false when the condition is not met
   */
  write(
    operation: Operation,
    name: string,
    text: string,
    condition: WriteCondition,
    marks: Readonly<Record<string, string>>,
  ): Promise<boolean>;
  /**
   * Changes a document that others change too: reads it, and writes what `change` makes of it, so that no change of
   * somebody else is lost in between. `change` may be called several times. What it returns unchanged is not written.
   */
  update(
    operation: Operation,
    name: string,
    change: ChangeText,
    marks: Readonly<Record<string, string>>,
  ): Promise<void>;
  /**
   * Whether documents can be changed as {@link update} promises.
   *
   * @param name a document of our own, with which it may be tried
   */
  canUpdate(operation: Operation, name: string): Promise<boolean>;
  /** Returns the size of a complete file. Undefined when there is none. */
  measure(operation: Operation, name: string): Promise<number | undefined>;
  /** Brings the image's file to the place, from where an earlier attempt stopped, and compares what arrived. */
  upload(
    operation: Operation,
    image: PushedImage,
    name: string,
    marks: Readonly<Record<string, string>>,
  ): Promise<Placed>;
  /** Removes a file. Returns whether it was there. */
  remove(operation: Operation, name: string): Promise<boolean>;
  /** Removes what uploads of the file have left. Returns what was removed, for people. */
  removeUnfinished(operation: Operation, name: string): Promise<string[]>;
  /** Removes the folder of an image, if it is empty. */
  removeFolder(operation: Operation, name: string): Promise<void>;
  /** Lists the UUIDs of the folders of images. Empty for a place that cannot be listed. */
  listFolders(operation: Operation): Promise<string[]>;
  /** Lists the unfinished uploads of a file in a folder that {@link listFolders} has returned. */
  listUnfinished(operation: Operation, folder: string, file: string): Promise<Omit<StagingObject, 'uuid'>[]>;
  /** Lists what checks that died have left. Empty for a place that cannot be listed. */
  listProbes(operation: Operation): Promise<StagingObject[]>;
  /** Removes what the check with a UUID has left. Returns what was removed, for people. */
  removeProbe(operation: Operation, uuid: string): Promise<string[]>;
  /** Tries whether files can be written, read and removed. */
  check(operation: Operation, image: PushedImage | undefined): Promise<Finding[]>;
  close(): Promise<void>;
}

/** Makes the new text of a document from the present one. Undefined stands for a document that does not exist. */
export type ChangeText = (text: string | undefined) => string | undefined;
