import type { GuestShell, ShellName } from './guest-shell.js';

/** The interfaces through which the rest of the program uses a guest. A guest is a machine that we control over SSH. */

/** How to reach and recognise a guest. */
export interface GuestAddress {
  host: string;
  /** The SSH server's TCP port. Default 22. */
  port?: number;
  username: string;
  /** OpenSSH private key text. Never logged. */
  privateKey: string;
  /**
   * The expected SSH host keys, as OpenSSH public key lines (`ssh-ed25519 AAAA…`). The guest must have one of them.
   * @throws FactoryError HostKeyMismatch when the guest has none of them
   */
  hostKeys: string[];
  /** Program that runs a command as root, such as `sudo`; empty when the user is root. */
  commandPrefix: string;
  /** The shell that runs our scripts in the guest. Default: POSIX sh. */
  shell?: ShellName;
  /** Set when the guest's OpenSSH may be older than 6.5. We then also offer the old algorithms, after all others. */
  oldSsh?: true;
}

export interface RunResult {
  /** The command's exit status; null when a signal ended it. */
  exitCode: number | null;
  signal?: string;
  /** The command's output. If the output is longer than `maxOutput`, this is only the end of the output. */
  stdout: string;
  stderr: string;
}

export interface RunOptions {
  signal?: AbortSignal;
  /** Timeout in seconds. Default 60. */
  timeout?: number;
  /** Text or bytes for the script's standard input. Default: empty. */
  input?: string | Buffer;
  /** Maximum number of bytes to keep of each output stream. We keep the last bytes. Default 65,536. */
  maxOutput?: number;
  onOutput?: (chunk: string, stream: 'stdout' | 'stderr') => void;
  /** Whether to run the script through the command prefix. Default true. */
  privileged?: boolean;
}

export interface StreamOptions {
  signal?: AbortSignal;
  /** Seconds without a byte after which the stream fails. The time in which nobody reads does not count. */
  stall: number;
}

/** An open SSH connection to a guest. */
export interface Guest {
  readonly shell: GuestShell;
  /** Runs a script of the guest's shell and waits for its end. Does not throw for a non-zero exit status. */
  run(script: string, options?: RunOptions): Promise<RunResult>;
  /**
   * Runs a script through the command prefix, and passes its standard output on as it arrives. The script waits while
   * nobody reads. Returns how the script has ended, with the end of its standard error.
   */
  stream(script: string, options: StreamOptions): AsyncGenerator<Buffer, RunResult>;
  /** Writes a file as root: creates the parent folders, and moves the complete file into place. */
  writeFile(path: string, content: Buffer | string, options?: { mode?: number; signal?: AbortSignal }): Promise<void>;
  close(): void;
}

/** The result of a step of the journal. */
export interface JournalResult {
  /** Exit status; null when the step was `interrupted` (the guest rebooted, or the process disappeared). */
  exitCode: number | null;
  interrupted: boolean;
  /** The last bytes of the step's output, stdout and stderr together. */
  output: string;
  /** Whether an earlier attempt had started the step. */
  attached: boolean;
}

/**
 * The guest's journal (law 5 in `docs/architecture.md`): it starts the step of each key only once, and the step goes on
 * after a lost connection. Later attempts attach to the step, and get its exit status and output.
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
  /** Maximum number of bytes of output to keep. We keep the last bytes. Default 65,536. */
  maxOutput?: number;
  /**
   * Maximum number of bytes of earlier output that `onOutput` gets when we attach to a step: the last bytes. Default:
   * `maxOutput`.
   */
  earlier?: number;
  /** Name of the round: letters, digits and dots. A new round runs a failed step again. Default `0`. */
  round?: string;
  /** Run a script that has no `#!` line with bash, if the guest has bash. Default false: sh runs it. */
  prefersBash?: boolean;
  /** Run the step in this round, even if another round has succeeded or is running. Default false. */
  forceRerun?: boolean;
}
