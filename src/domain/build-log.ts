/** A log that the store keeps of a build: the console of an instance, or the output of a step in the guest. */
export interface BuildLog {
  /** `installer` and `customise` are consoles; the other names are those of steps: `packages`, `command:2 tidy`. */
  name: string;
  kind: 'console' | 'output';
  /** When the log was written: milliseconds since the epoch. */
  at: number;
  /** Size in bytes, as UTF-8. */
  size: number;
  /**
   * Whether the beginning is missing, because the output or the console is longer than the store, the guest or Nova
   * keeps. It may also be true for an output or a console of exactly this length.
   */
  cut: boolean;
}

/** Bytes that the store keeps of one log: its end. */
export const LOG_LIMIT = 1024 * 1024;

/**
 * Bytes of a log that one answer of a worker contains. Temporal limits a payload to 2 MiB, and JSON may need six bytes
 * for one byte of a log.
 */
export const LOG_PAGE = 256 * 1024;
