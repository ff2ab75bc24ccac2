/** A log that the store keeps of a build: the console of an instance, or the output of a step in the guest. */
export interface BuildLog {
  /** `installer` and `customise` are consoles; the other names are those of steps: `packages`, `command:2 tidy`. */
  name: string;
  kind: 'console' | 'output';
  /** When the log was written: milliseconds since the epoch. */
  at: number;
  /** Number of characters. */
  length: number;
  /** Whether the beginning is missing, because the log is longer than the store keeps. */
  cut: boolean;
}

/** Bytes that the store keeps of one log: its end. */
export const LOG_LIMIT = 4 * 1024 * 1024;

/**
 * Characters that one answer of a worker contains. Temporal limits a payload to 2 MiB, and JSON may need six bytes for
 * a character.
 */
export const LOG_PAGE = 256 * 1024;
