/** Timeouts of the single waits of a transfer, in seconds. */
export interface Timeouts {
  /** To connect, with the TLS handshake or the FTP server's greeting. Default 30. */
  connect?: number;
  /** From an HTTP request to the response's headers. Default 60. */
  headers?: number;
  /** Without a byte of the body, or without an FTP server's reply. Default 60. */
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
  /** Offset of the first byte of `body` in the file: 0, or the offset of the requested resume position. */
  offset: number;
  /** The bytes. Throws the errors of the connection, or FactoryErrors. */
  body: AsyncIterable<Uint8Array>;
  /** The URL that answered, after redirects. */
  finalUrl: string;
  /** Ends the transfer. The caller must always call it, also after it has read the whole body. */
  close(): Promise<void>;
}

export interface OpenOptions {
  signal?: AbortSignal;
  timeouts?: Timeouts;
  /** Absolute paths of the folders on the worker's machine that file URLs may name. Default: none. */
  directories?: readonly string[];
  /** Where to resume. The transfer begins at 0 if the file has changed, or the server cannot resume. */
  resume?: ResumePosition;
}

/** Where an interrupted transfer stopped, and how to recognise its file. */
export interface ResumePosition {
  offset: number;
  validator: string;
  size?: number;
}

/**
 * Chooses the validator for a resumed transfer: a strong entity tag, else the time (RFC 9110, section 13.1.5).
 */
export function selectValidator({ etag, lastModified }: Validators): string | undefined {
  return etag !== undefined && !etag.startsWith('W/') ? etag : lastModified;
}
