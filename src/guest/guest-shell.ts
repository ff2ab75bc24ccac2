/** The shell that runs our scripts in a guest. */
export type ShellName = 'posix' | 'powershell';

/** A file to write. */
export interface FileToWrite {
  path: string;
  /** Bytes. */
  size: number;
  /** POSIX permissions. Default: those of the existing file, else 0644. */
  mode?: number;
}

/** A step that the journal starts, or attaches to. */
export interface JournalStep {
  /** The journal's folder. */
  journal: string;
  /** Name of the step's folder in it, without the round. */
  name: string;
  round: string;
  /** Run the step in this round, even if another round has succeeded or is running. */
  forceRerun: boolean;
  script: Buffer;
  /** Timeout of the step, in seconds. */
  timeout: number;
  /** Bytes of earlier output to print when we attach to a step that runs already. */
  earlier: number;
}

/** What the shutdown script of a guest does. */
export interface ShutDownRequest {
  /** The key to remove from every `authorized_keys` file: the base64 field of its line. */
  blob: string;
  /** Script that removes everything else that must not stay in the image. */
  cleanUp: string;
  /** Script that prints the home directories, one per line. Default: those of the guest's users. */
  homes?: string | undefined;
  /** Script that powers the machine off. Default: the system's own way. */
  powerOff?: string | undefined;
}

/** The scripts and commands for a kind of shell. These functions only build text; they run nothing. */
export interface GuestShell {
  readonly name: ShellName;
  /**
   * Builds the command that sshd runs for a script, and the bytes to send before the script's own input. It works with
   * any login shell of the user.
   */
  buildCommand(script: string, prefix: string): { command: string; preamble: Buffer };
  /** Script that prints `0` if we have root's or an administrator's rights, else the user. */
  readonly whoAmI: string;
  /** Builds a script that writes its standard input to a file: the whole content, or nothing. */
  writeFile(file: FileToWrite): string;
  /** Path of the journal's folder. */
  readonly journal: string;
  /** Builds a script that removes a journal. */
  removeJournal(journal: string): string;
  /**
   * Builds a script that starts a step or attaches to it; its standard input is the step's script:
   * `posix-journal.ts`.
   */
  follow(step: JournalStep): string;
  /**
   * Script of the last clean-up, together with our key: removes the journal, the SSH host keys, left-over session keys.
   */
  readonly lastCleanUp: string;
  /** Builds a script that removes the key and powers the machine off; once begun, it does not need the connection. */
  shutDown(words: ShutDownRequest): string;
  /** Builds a script that adds a key to a user's `authorized_keys`. */
  allowKey(user: string, line: string): string;
  /** Builds a script that removes a key from a user's `authorized_keys`. */
  revokeKey(user: string, blob: string): string;
}

/** The comment of session keys: it marks the key of a session that was interrupted, so that we can remove it. */
export const SESSION_KEY = 'imagefactory-session';
