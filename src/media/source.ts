import type { AddressPolicy } from './addresses.js';

/** What the worker's operator has opened to templates. */
export interface MediaAccess {
  /** Absolute paths of the folders on the worker's machine that file URLs may name. Default: none. */
  directories?: readonly string[];
  /** Decides to which addresses the worker connects. Default: the policy without opened addresses. */
  addresses?: AddressPolicy;
}

/** Timeouts for the single steps of a transfer, in seconds. */
export interface Timeouts {
  /** Time to connect, including the TLS handshake or the FTP server's greeting. Default 30. */
  connect?: number;
  /** Time from an HTTP request to the response's headers. Default 60. */
  headers?: number;
  /** The longest time without a byte of the body, or without a reply of the FTP server. Default 60. */
  idle?: number;
}

/** The default timeouts of every protocol, in seconds. */
export const DEFAULT_TIMEOUTS = { connect: 30, headers: 60, idle: 60 };

/** Data that tells whether the file at a URL is still the same. */
export interface Validators {
  etag?: string;
  lastModified?: string;
  /** Bytes of the whole file. */
  size?: number;
}

/** An open transfer of a file, by any protocol. */
export interface MediumStream extends Validators {
  /** Offset of the first byte of `body` in the file: 0, or `offset` of the requested {@link ResumePosition}. */
  offset: number;
  /** The bytes from `offset` on. Reading them throws the errors of the connection, or FactoryErrors. */
  body: AsyncIterable<Uint8Array>;
  /** The URL that answered, after redirects. */
  finalUrl: string;
  /** Ends the transfer. The caller must always call it, also after it has read the whole body. */
  close(): Promise<void>;
}

export interface OpenOptions {
  signal?: AbortSignal;
  timeouts?: Timeouts;
  /** The folders and addresses that are open. Default: no folders, and no address that is denied by default. */
  access?: MediaAccess;
  /** Where to resume. The transfer begins at 0 if this is unset, the file has changed, or the server cannot resume. */
  resume?: ResumePosition;
}

/** Where an interrupted transfer stopped, and the data that tells whether the file is still the same. */
export interface ResumePosition {
  offset: number;
  validator: string;
  size?: number;
}

/**
 * Chooses the validator for a resumed transfer: a strong entity tag, else the time of the last change (RFC 9110,
 * section 13.1.5).
 */
export function selectValidator({ etag, lastModified }: Validators): string | undefined {
  return etag !== undefined && !etag.startsWith('W/') ? etag : lastModified;
}
