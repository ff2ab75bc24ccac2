import type { GuestShell, ShellName } from './guest-shell.js';

/** The port through which the rest of the program uses a guest: a machine that we control over SSH. */

/** How to reach and recognise a guest. */
export interface GuestAddress {
  host: string;
  /** Default 22. */
  port?: number;
  username: string;
  /** OpenSSH private key text. Never logged. */
  privateKey: string;
  /**
   * The expected SSH host keys: the guest must have one of them (OpenSSH public key lines, `ssh-ed25519 AAAA…`).
   * @throws FactoryError HostKeyMismatch otherwise.
   */
  hostKeys: string[];
  /** Program that runs a command as root, such as `sudo`; empty when the user is root. */
  commandPrefix: string;
  /** The shell that runs our scripts there. Default: POSIX sh. */
  shell?: ShellName;
  /** Whether its OpenSSH may be older than 6.5: then we also offer the old algorithms, as a last resort. */
  oldSsh?: true;
}

export interface RunResult {
  /** The command's exit status; null when a signal ended it. */
  exitCode: number | null;
  signal?: string;
  /** Its output; only the tail if it was longer than the limit. */
  stdout: string;
  stderr: string;
}

export interface RunOptions {
  signal?: AbortSignal;
  /** Timeout in seconds. Default 60. */
  timeout?: number;
  /** Text or bytes for its standard input. */
  input?: string | Buffer;
  /** The most bytes of output to keep of each stream (its tail). Default 65,536. */
  maxOutput?: number;
  onOutput?: (chunk: string, stream: 'stdout' | 'stderr') => void;
  /** Run through the command prefix. Default true. */
  privileged?: boolean;
}

/** An open SSH connection to a guest. */
export interface Guest {
  readonly shell: GuestShell;
  /** Runs a script of the guest's shell and waits for its end. Does not throw for a non-zero exit status. */
  run(script: string, options?: RunOptions): Promise<RunResult>;
  /** Writes a file as root: creates the parent folders, and moves the complete file into place. */
  writeFile(path: string, content: Buffer | string, options?: { mode?: number; signal?: AbortSignal }): Promise<void>;
  close(): void;
}

/** The result of a step of the journal. */
export interface JournalResult {
  /** Exit status; null when the step was `interrupted` (the guest rebooted, or the process disappeared). */
  exitCode: number | null;
  interrupted: boolean;
  /** Tail of its combined output. */
  output: string;
  /** Whether an earlier attempt had started it. */
  attached: boolean;
}

/**
 * The guest's journal (law 5): a step with a key is started once and outlives the connection. Later attempts attach to
 * it and get its exit status and output.
 */
export interface Journal {
  run(guest: Guest, key: string, script: string, options: JournalOptions): Promise<JournalResult>;
}

/** How to run a step of the journal. */
export interface JournalOptions {
  /** Timeout of the step, in seconds. */
  timeout: number;
  signal?: AbortSignal;
  onOutput?: (chunk: string) => void;
  /** The most bytes of output to keep (its tail). */
  maxOutput?: number;
  /** A new round runs a step again that failed in an earlier round. Letters, digits and dots. */
  round?: string;
  /** Run the step in this round, even if another round has succeeded. Default false. */
  forceRerun?: boolean;
}
