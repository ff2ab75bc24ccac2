import type { z } from 'zod';
import type { ProviderKindName } from '../domain/provider-kinds.js';
import type { Finding, RegisteredImage, UploadedFile } from '../domain/provider-image.js';
import type { Progress } from '../domain/status.js';
import type { FormatName } from '../domain/target-formats.js';

/** The file that is pushed, with what its provider has to know. Nothing of it changes between two attempts. */
export interface PushedImage {
  /**
   * UUID of the provider image. Names and tokens of everything that is made at the provider derive from it, so that a
   * second attempt finds what the first has made.
   */
  uuid: string;
  /** UUID of the image whose file is pushed. */
  source: string;
  /** Name for people: `<template>-<target>`. A provider that does not allow all its characters changes it. */
  name: string;
  /** The system: `Debian`, `12`, `x86_64`. */
  os: { name: string; version: string; arch: string };
  firmware: 'bios' | 'uefi';
  secureBoot: boolean;
  /**
   * What OpenStack says of the guest, by its own property names: `hw_machine_type`, `os_distro`. Empty for images of
   * earlier versions.
   */
  guestProperties: Readonly<Record<string, string>>;
  file: {
    /** Path on the worker's machine. The file must not be changed. */
    path: string;
    /** Name of the file for people, with its extension. */
    name: string;
    format: FormatName;
    /** Bytes of the file. */
    size: number;
    /** Bytes of the disk in the file. The bytes of the unpacked tar where it holds a root file system. */
    virtualSize: number;
    /** Digests of the file, in hexadecimal. */
    sha256: string;
    sha512: string;
  };
  /** Documents about the image that a provider may publish with it: its package list and its record. */
  documents: { icicle?: string; record: string };
}

export type { Finding } from '../domain/provider-image.js';

/** What a provider needs of the activity in which it works. */
export interface Operation {
  /** Aborted when the operation must stop. A reason to stop, never a reason to delete anything. */
  readonly signal: AbortSignal;
  /** Shows progress to the user, and sends a heartbeat. Call it often while bytes move. */
  report(progress: Progress): void;
  /** Waits for a time in milliseconds; throws at once when the operation must stop. */
  sleep(milliseconds: number): Promise<void>;
  /** Milliseconds between two questions whether the provider has finished something. */
  readonly pollInterval: number;
  /** Most bytes a second that an upload sends. Undefined: no limit. */
  readonly uploadRate: number | undefined;
  /**
   * Small documents of the image, which the next attempt reads, on whichever worker it runs: the address of an upload,
   * the digests of its blocks. They may be lost. The truth about an upload is at the provider.
   */
  readonly notes: {
    read(name: string): Promise<string | undefined>;
    write(name: string, text: string): Promise<void>;
  };
  /** The value of the mark `imagefactory_creator`: the worker. */
  readonly creator: string;
}

/** Something of an unfinished push that a provider holds: an upload, a snapshot without an image, a blob. */
export interface StagingObject {
  /** UUID of the provider image that it belongs to. */
  uuid: string;
  /** What it is, for people: "upload", "snapshot". */
  kind: string;
  /** How the provider names it. */
  id: string;
  /** Milliseconds since the epoch. Undefined when the provider does not tell. */
  createdAt: number | undefined;
  /** bytes; undefined when the provider does not tell. */
  size: number | undefined;
}

/**
 * A service to which images are pushed. Every method is safe to run twice, also when the reply to a call was lost or
 * when its process died at any moment, and touches only what carries our marks and the image's UUID.
 *
 * Errors are FactoryErrors with the class that decides about a retry: wrong credentials `AuthenticationFailed`, missing
 * permission `Forbidden`, quota `QuotaExceeded`, a name that somebody else uses `Conflict`, busy `RateLimited`, no
 * answer `CloudUnavailable`, an image that the provider refuses `ImageFailed`.
 */
export interface Provider {
  /** Account, project or tenant, as far as it is known without asking. For people and for the record. */
  readonly account: string | undefined;
  readonly region: string | undefined;
  /** Where it is, for people: "cloud b, project images", "registry.example.org/team". Without secrets. */
  readonly location: string;
  /**
   * Tries, without making anything that remains, whether the credentials work and the permissions are there. With an
   * image: also whether the provider takes it (format, size, architecture, firmware, name).
   */
  check(operation: Operation, image?: PushedImage): Promise<Finding[]>;
  /** Finds the image that an earlier attempt has registered. Undefined when there is none. */
  find(operation: Operation, image: PushedImage): Promise<RegisteredImage | undefined>;
  /**
   * Brings the file to the provider, from the byte where an earlier attempt stopped, and compares what arrived as far
   * as the provider lets it be compared.
   */
  upload(operation: Operation, image: PushedImage): Promise<UploadedFile>;
  /** Registers the uploaded file as an image, once, and waits until instances can be started from it. */
  register(operation: Operation, image: PushedImage, uploaded: UploadedFile): Promise<RegisteredImage>;
  /** Lets the accounts use the image. Unset when the provider has no such thing. */
  share?(operation: Operation, registered: RegisteredImage, accounts: readonly string[]): Promise<void>;
  /**
   * Removes what only the push needed: uploads, blobs, leases, snapshots without image. Returns what was removed.
   *
   * @param options `everything`: the image is given up, by a cancel or a deletion: also what is registered only in
   *   part goes, such as an image in one of two regions. Default false
   */
  removeStaging(operation: Operation, uuid: string, options?: { everything?: boolean }): Promise<string[]>;
  /** Removes a registered image with all that belongs to it. Returns what was removed; empty when nothing was there. */
  delete(operation: Operation, registered: RegisteredImage): Promise<string[]>;
  /** Lists what unfinished pushes of this program have left, of every image. */
  listStaging(operation: Operation): Promise<StagingObject[]>;
  /** Closes connections. */
  close(): Promise<void>;
}

/** What a provider is made from. */
export interface ProviderSettings<C> {
  /** Name in the worker's configuration, for messages. */
  name: string;
  configuration: C;
  /**
   * Credentials that the user has given with the command, parsed from JSON or from imagefactory's XML. Undefined: those
   * of the worker, by the means of the provider's own tools.
   */
  credentials: Readonly<Record<string, unknown>> | undefined;
  /** The environment variables of the worker. */
  env: Readonly<Record<string, string | undefined>>;
}

/** A kind of provider: what its folder exports. */
export interface ProviderKind<C> {
  readonly name: ProviderKindName;
  /** Checks an entry of `providers` in the worker's configuration. */
  readonly schema: z.ZodType<C>;
  /** Connects to the provider. Loads the packages that only this kind needs. Sends nothing yet. */
  connect(settings: ProviderSettings<C>): Promise<Provider>;
}
