import { toPlainText } from '../domain/plain-text.js';

/** The parts of the process that a command uses. Tests replace these parts. */
export interface Io {
  /**
   * Writes to standard output: results only, so that a script can read them. Removes characters that control a
   * terminal.
   */
  out(text: string): void;
  /** Writes to standard error: progress, hints, errors. Removes characters that control a terminal. */
  err(text: string): void;
  /** Writes a text unchanged to standard output: a text with our own colours, or the content of a file. */
  outExact(text: string): void;
  /** Writes bytes unchanged to standard output. Resolves when standard output takes more. */
  outBytes(chunk: Buffer): Promise<void>;
  env: NodeJS.ProcessEnv;
  /** Standard error. Unset when it is not a terminal, or a terminal that cannot be redrawn. */
  terminal?: NodeJS.WriteStream;
  /** Whether standard output is a terminal. */
  outIsTerminal: boolean;
  /**
   * Calls the listener at Ctrl-C or SIGTERM, instead of ending the process. Returns a function that removes the
   * listener.
   */
  onInterrupt(listener: (signal: 'SIGINT' | 'SIGTERM') => void): () => void;
}

/** Returns the parts of the real process. */
export function processIo(): Io {
  const redrawable = process.stderr.isTTY === true && process.env['TERM'] !== 'dumb';
  return {
    out: (text) => void process.stdout.write(toPlainText(text)),
    err: (text) => void process.stderr.write(toPlainText(text)),
    outExact: (text) => void process.stdout.write(text),
    outBytes(chunk) {
      // If the reader goes away now, it does not have all bytes: the command has failed.
      process.exitCode = 1;
      return new Promise((resolve, reject) => {
        process.stdout.write(chunk, (error) => (error == null ? resolve() : reject(error)));
      });
    },
    env: process.env,
    ...(redrawable ? { terminal: process.stderr } : {}),
    outIsTerminal: process.stdout.isTTY === true,
    onInterrupt(listener) {
      const onSigint = (): void => listener('SIGINT');
      const onSigterm = (): void => listener('SIGTERM');
      process.on('SIGINT', onSigint);
      process.on('SIGTERM', onSigterm);
      return () => {
        process.off('SIGINT', onSigint);
        process.off('SIGTERM', onSigterm);
      };
    },
  };
}

/** Checks whether output may have colours: only on a terminal that shows them, and without NO_COLOR (no-color.org). */
export function wantsColour(env: NodeJS.ProcessEnv, isTerminal: boolean): boolean {
  return isTerminal && !env['NO_COLOR'] && env['TERM'] !== 'dumb';
}
