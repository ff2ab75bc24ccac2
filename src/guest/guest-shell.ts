/** The shell that runs our scripts in a guest. */
export type ShellName = 'posix' | 'powershell';

/** A file to write. */
export interface FileToWrite {
  path: string;
  /** Size of the content, in bytes. */
  size: number;
  /** POSIX permissions. Default: the permissions of the existing file, or 0644 for a new file. Not used in Windows. */
  mode?: number;
}

/** A step that the journal starts, or to which it attaches because an earlier attempt has started the step. */
export interface JournalStep {
  /** The journal's folder. */
  journal: string;
  /** Name of the step's folder in the journal's folder, without the round. */
  name: string;
  round: string;
  /** Run the step in this round, even if another round has succeeded or is running. */
  forceRerun: boolean;
  script: Buffer;
  /** Whether bash runs a script that has no `#!` line, where the guest has bash. Not used in Windows. */
  prefersBash: boolean;
  /** Timeout of the step, in seconds. */
  timeout: number;
  /** Maximum number of bytes of earlier output to print when we attach to a step that has already started. */
  earlier: number;
}

/** Input for the shutdown script of a guest. */
export interface ShutDownRequest {
  /** The key to remove from every `authorized_keys` file: the base64 field of the key's line. */
  blob: string;
  /** Script that runs after the key is removed, and removes everything else that must not stay in the image. */
  cleanUp: string;
  /** Script that runs immediately before the shutdown, when the reply has gone out. Its errors are ignored. */
  cleanAtShutdown?: string | undefined;
  /**
   * Script that prints the home directories, one per line. Default: the script prints the home directories of all
   * users.
   */
  homes?: string | undefined;
  /** Script that powers the machine off. Default: the system's own shutdown command. */
  powerOff?: string | undefined;
}

/** A script for a guest, and what it reads from its standard input. Default: nothing. */
export interface ScriptWithInput {
  script: string;
  input?: string;
}

/** The scripts and commands for a kind of shell. These functions only build text; they run nothing. */
export interface GuestShell {
  readonly name: ShellName;
  /**
   * Builds the command that sshd runs for a script, and the bytes to send before the script's own input. The command
   * works with any login shell of the user.
   */
  buildCommand(script: string, prefix: string): { command: string; preamble: Buffer };
  /** Script that prints `0` if we have root's or an administrator's rights, else the user's id (Windows: name). */
  readonly whoAmI: string;
  /** Builds a script that writes its standard input to a file: the whole content, or nothing. */
  writeFile(file: FileToWrite): string;
  /** Path of the journal's folder. */
  readonly journal: string;
  /** Builds a script that removes a journal's folder. */
  removeJournal(journal: string): string;
  /**
   * Builds a script that starts a step, or attaches to it. The built script reads the step's script from its standard
   * input: see `posix-journal.ts`.
   */
  follow(step: JournalStep): string;
  /** Builds a script that runs a template's command in the shell that such commands have: bash, if the guest has it. */
  templateCommand(script: string): string;
  /**
   * Script of the last clean-up, which runs after our key is removed: removes the journal, the SSH host keys and
   * left-over session keys.
   */
  readonly lastCleanUp: string;
  /**
   * Builds a script that removes the key and powers the machine off. Once the script has its input, it no longer needs
   * the connection. The request's own scripts may have any size.
   */
  shutDown(request: ShutDownRequest): ScriptWithInput;
  /** Builds a script that adds a key to a user's `authorized_keys`. */
  allowKey(user: string, line: string): string;
  /** Builds a script that removes a key from a user's `authorized_keys`. */
  revokeKey(user: string, blob: string): string;
}

/**
 * The comment at the end of a session key's line in `authorized_keys`. If a session was interrupted, we find its key by
 * this comment and remove it.
 */
export const SESSION_KEY = 'imagefactory-session';
