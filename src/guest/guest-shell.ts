/** Which shell runs our scripts in a guest. */
export type ShellName = 'posix' | 'powershell';

/** A file that is written. */
export interface FileToWrite {
  path: string;
  /** Bytes. */
  size: number;
  /** POSIX permissions; absent: as an existing file has them. */
  mode?: number;
}

/** A step that the journal starts, or attaches to. */
export interface JournalStep {
  /** The journal's folder. */
  journal: string;
  /** The step's folder in it, without the round. */
  name: string;
  round: string;
  /** No other round counts. */
  forceRerun: boolean;
  script: Buffer;
  /** Seconds that the step may take. */
  timeout: number;
  /** Bytes of earlier output that whoever attaches wants. */
  earlier: number;
}

/** What a guest is told when it goes down. */
export interface ShutDownRequest {
  /** The key that is taken out of every list of keys: the base64 field of its line. */
  blob: string;
  /** Script that removes what else must not stay in the image. */
  cleanUp: string;
  /** Script that prints the home directories, one a line; absent: those of its users. */
  homes?: string | undefined;
  /** Script that powers the machine off; absent: the system's own way. */
  powerOff?: string | undefined;
}

/** What differs between guests by the shell that runs our scripts. Everything here is text: nothing is run. */
export interface GuestShell {
  readonly name: ShellName;
  /** What sshd is told to run for a script, and what it is sent before the script's own input. The user's login shell may be any. */
  buildCommand(script: string, prefix: string): { command: string; preamble: Buffer };
  /** Script that prints `0` where we may do everything, else who we are. */
  readonly whoAmI: string;
  /** Script that writes its standard input to a file, which becomes whole or stays what it was. */
  writeFile(file: FileToWrite): string;
  /** Where the journal is. */
  readonly journal: string;
  /** Script that removes a journal. */
  removeJournal(journal: string): string;
  /** Script that starts a step, or attaches to it; its standard input is the step's own script. See `journal-scripts.ts`. */
  follow(step: JournalStep): string;
  /** What goes in the same breath as our key: the journal, the SSH host keys, the keys of sessions that were cut off. */
  readonly lastCleanUp: string;
  /** Script that takes the key out and powers the machine off, of itself once it has begun. */
  shutDown(words: ShutDownRequest): string;
  /** Script that lets in who has the key, as a user. */
  allowKey(user: string, line: string): string;
  /** Script that lets nobody in with the key any more. */
  revokeKey(user: string, blob: string): string;
}

/** Ends the lines of session keys: what a session that was cut off has left is found by it. */
export const SESSION_KEY = 'imagefactory-session';
