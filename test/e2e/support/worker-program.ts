import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSync } from 'node:fs';
import { join } from 'node:path';
import { PROJECT } from '../../../scripts/dev-cloud.js';

/** The command-line program, as users start it. */
export const PROGRAM = join(PROJECT, 'bin/imagefactory.js');

/** `imagefactory worker` in its own process, so that a test can kill it. */
export class WorkerProgram {
  private child: ChildProcess | undefined;

  constructor(
    private readonly storage: string,
    private readonly env: NodeJS.ProcessEnv,
    /** File for the worker's log. Default: the standard error of this process. */
    private readonly log?: string,
    /** File of the worker's configuration. Default: none. */
    private readonly configuration?: string,
  ) {}

  start(): void {
    const { storage, env, log, configuration } = this;
    // A test serves its medium on the loopback address, which workers deny by default.
    const own = ['--storage-path', storage, '--allow-address', '127.0.0.0/8'];
    const config = configuration === undefined ? [] : ['--config', configuration];
    const args = [PROGRAM, ...config, '--imgdir', join(storage, 'media'), 'worker', ...own];
    const stderr = log === undefined ? 'inherit' : openSync(log, 'a');
    this.child = spawn(process.execPath, args, { env, stdio: ['ignore', 'ignore', stderr] });
  }

  /**
   * Sends the signal to the worker, and waits until the worker has ended.
   *
   * @returns the signal or the exit status with which the worker has ended
   */
  async end(signal: 'SIGKILL' | 'SIGTERM'): Promise<string> {
    const { child } = this;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return 'ended before';
    const gone = once(child, 'exit');
    child.kill(signal);
    await gone;
    return child.signalCode ?? `exit status ${child.exitCode}`;
  }
}
