import type { GuestShell, ShellName } from './guest-shell.js';

/** What the rest of the program sees of a guest: a machine that lets us in over SSH. */

/** How to reach and recognise a guest. */
export interface GuestAddress {
  host: string;
  /** Default 22. */
  port?: number;
  username: string;
  /** OpenSSH private key text. Never logged. */
  privateKey: string;
  /**
   * The guest's SSH host key must be one of these (OpenSSH public key lines, `ssh-ed25519 AAAA…`).
   * @throws FactoryError HostKeyMismatch otherwise.
   */
  hostKeys: string[];
  /** What makes a command privileged, e.g. `sudo`; empty when the user is root. */
  commandPrefix: string;
  /** What runs our scripts there. Default POSIX sh. */
  shell?: ShellName;
  /** Whether its OpenSSH may be older than 6.5: then what only such have is allowed as a last resort. */
  oldSsh?: true;
}

export interface RunResult {
  /** The command's exit status; null when a signal ended it. */
  exitCode: number | null;
  signal?: string;
  /** What it printed, tail kept when it was more than the limit. */
  stdout: string;
  stderr: string;
}

export interface RunOptions {
  signal?: AbortSignal;
  /** Seconds after which the command is given up. Default 60. */
  timeout?: number;
  /** Text or bytes for its standard input. */
  input?: string | Buffer;
  /** Bytes of output kept, of each stream (the tail). Default 65,536. */
  maxOutput?: number;
  onOutput?: (chunk: string, stream: 'stdout' | 'stderr') => void;
  /** Run through the command prefix. Default true. */
  privileged?: boolean;
}

/** An open connection. */
export interface Guest {
  readonly shell: GuestShell;
  /** Runs a script of the guest's shell and waits for its end. Does not throw for a non-zero exit status. */
  run(script: string, options?: RunOptions): Promise<RunResult>;
  /** Writes a file as root, parent folders made, moved into place whole. */
  writeFile(path: string, content: Buffer | string, options?: { mode?: number; signal?: AbortSignal }): Promise<void>;
  close(): void;
}

/** How a journalled step of the guest ended. */
export interface JournalResult {
  /** Exit status, or null when it was `interrupted` (the guest rebooted, or the process vanished, while it ran). */
  exitCode: number | null;
  interrupted: boolean;
  /** Tail of its combined output. */
  output: string;
  /** Whether an earlier attempt had started it. */
  attached: boolean;
}

/**
 * The guest's journal (law 5): a step is started once under its key, outlives the connection, and is attached to again by
 * later attempts, which get its exit status and output.
 */
export interface Journal {
  run(guest: Guest, key: string, script: string, options: JournalOptions): Promise<JournalResult>;
}

/** How a journalled step is run. */
export interface JournalOptions {
  /** Seconds that the step may take. */
  timeout: number;
  signal?: AbortSignal;
  onOutput?: (chunk: string) => void;
  /** Bytes of output kept. */
  maxOutput?: number;
  /** A new round runs a step again that failed in an earlier one. Letters, digits and dots. */
  round?: string;
  /** Run the step in this round though another one has ended well. Default false. */
  forceRerun?: boolean;
}
