import type { Problem } from '../tdl/types.js';

export interface ClientErrorOptions {
  /** What to do next: one sentence, printed below the message. */
  hint?: string;
  /** Exit code of the process. Default 1. */
  exitCode?: number;
  cause?: unknown;
}

/** Something on this side of Temporal went wrong; the message is meant for people. */
export class ClientError extends Error {
  override readonly name: string = 'ClientError';
  readonly hint: string | undefined;
  readonly exitCode: number;

  constructor(message: string, options: ClientErrorOptions = {}) {
    super(message, { cause: options.cause });
    this.hint = options.hint;
    this.exitCode = options.exitCode ?? 1;
  }
}

/** The command line itself is wrong: exit code 2, as argparse has it. */
export class UsageError extends ClientError {
  override readonly name = 'UsageError';

  constructor(message: string, options: ClientErrorOptions = {}) {
    super(message, { exitCode: 2, ...options });
  }
}

/** A template or an install script has mistakes; nothing was started. */
export class InvalidFilesError extends ClientError {
  override readonly name = 'InvalidFilesError';

  constructor(readonly reports: FileReport[]) {
    const wrong = reports.filter(({ valid }) => !valid).map(({ file }) => file);
    super(`${wrong.join(' and ')} cannot be built from; nothing was started`);
  }
}

/** What is wrong with one file: an entry of `validate --output json`. */
export interface FileReport {
  file: string;
  valid: boolean;
  problems: Problem[];
}

/** `file:line:column: message`, as compilers print it and editors read it. */
export function problemLines(report: FileReport): string[] {
  return report.problems.map(({ line, column, message }) => `${report.file}:${line}:${column}: ${message}`);
}

/** What the operating system said about a file, without Node's code and path around it. */
export function fileReason(error: unknown): string {
  return (error as Error).message.replace(/^[A-Z]+: /, '').replace(/, \w+( '.*')?$/, '');
}
