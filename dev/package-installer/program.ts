import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const IMAGEFACTORY = fileURLToPath(new URL('../../bin/imagefactory.js', import.meta.url));

/** The places to which a program's output goes. Default: only into {@link Program.output}. */
export interface ProgramOutput {
  onText?: (text: string) => void;
  log?: string;
}

/**
 * Runs the real command line as a process in its own process group. Ctrl-C on the terminal then reaches only our own
 * process, so a worker stays alive and can clean up after the build.
 */
export class Program {
  /** The output of the program so far; empty when the output goes to a log. */
  output = '';
  /** Resolves when the program has ended: to its exit code, or to null when a signal has ended it. */
  readonly ended: Promise<number | null>;
  private readonly child: ChildProcess;

  constructor(args: string[], { onText, log }: ProgramOutput = {}) {
    const out = log === undefined ? 'pipe' : openSync(log, 'a');
    const env = { ...process.env, NO_COLOR: '1' };
    this.child = spawn(process.execPath, [IMAGEFACTORY, ...args], { detached: true, env, stdio: ['ignore', out, out] });
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.output += text;
        onText?.(text);
      });
    }
    this.ended = once(this.child, 'close').then(([code]) => code as number | null);
  }

  end(signal: 'SIGINT' | 'SIGTERM'): void {
    this.child.kill(signal);
  }
}
