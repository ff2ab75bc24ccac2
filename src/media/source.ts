/** Seconds; each wait of a transfer has its own. */
export interface Timeouts {
  /** To connect, TLS or an FTP server's greeting included. Default 30. */
  connect?: number;
  /** From an HTTP request to the answer's headers. Default 60. */
  headers?: number;
  /** Without a byte of the body, or without an FTP server's reply. Default 60. */
  idle?: number;
}

/** In seconds, for every protocol. */
export const DEFAULT_TIMEOUTS = { connect: 30, headers: 60, idle: 60 };

/** What tells whether a file at an address is still the same. */
export interface Validators {
  etag?: string;
  lastModified?: string;
  /** Bytes of the whole file. */
  size?: number;
}

/** A file that is on its way, by whatever protocol. */
export interface MediumStream extends Validators {
  /** The byte that `body` begins with: 0, or the one that it was to go on from. */
  offset: number;
  /** May fail as the connection does; FactoryErrors are told as they are. */
  body: AsyncIterable<Uint8Array>;
  /** The address that answered, after redirects. */
  finalUrl: string;
  /** Ends the transfer. To be called in any case, also when the body was read to its end. */
  close(): Promise<void>;
}

export interface OpenOptions {
  signal?: AbortSignal;
  timeouts?: Timeouts;
  /** Absolute paths of the folders of the worker's machine that file addresses may name. Default none. */
  directories?: readonly string[];
  /** Where a transfer that was cut goes on, if it is still the same file and the other side can; it begins at 0 otherwise. */
  resume?: ResumePosition;
}

/** How far a transfer came, and the mark and the size of the file that it was of. */
export interface ResumePosition {
  offset: number;
  validator: string;
  size?: number;
}

/**
 * What a file can be recognised by when its transfer goes on: only a strong entity tag will do, or else its time (RFC 9110,
 * section 13.1.5).
 */
export function selectValidator({ etag, lastModified }: Validators): string | undefined {
  return etag !== undefined && !etag.startsWith('W/') ? etag : lastModified;
}
