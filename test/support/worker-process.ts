import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import type { CloudLimits } from '../../src/activities/shared/context.js';
import type { TestEnv } from './test-env.js';
import { testBundle } from './bundle.js';

/** The options of the program in a worker process. The program gets them as JSON in its first argument. */
export interface WorkerProcessOptions {
  address: string;
  namespace: string;
  taskQueue: string;
  /** File with the workflows' code. */
  bundlePath: string;
  cloudEnv: Record<string, string>;
  /** Milliseconds after which the worker gives up a call that a cloud does not answer. Unset: the usual deadlines. */
  callDeadline?: number;
  limits: CloudLimits;
  storage: string;
  cache: string;
}

const MAIN = fileURLToPath(new URL('worker-process-main.ts', import.meta.url));
/**
 * The bundled program of the worker process. It is one file, because a process that reads two hundred files takes three
 * times as long to start. The file is in the project's folder, because the program must find the project's packages.
 */
const PROGRAM = fileURLToPath(new URL(`../../.cache/worker-process-${process.pid}.mjs`, import.meta.url));

const prepared = build({
  entryPoints: [MAIN],
  outfile: PROGRAM,
  bundle: true,
  packages: 'external',
  platform: 'node',
  format: 'esm',
  logLevel: 'error',
});
process.once('exit', () => rmSync(PROGRAM, { force: true }));

/** The worker of an environment in its own process, so that a test can kill it. */
export class WorkerProcess {
  /** Rejects when the worker ends and no test has stopped it. */
  readonly died: Promise<never>;
  private isWanted = true;

  private constructor(private readonly child: ChildProcess) {
    this.died = new Promise((_resolve, reject) => {
      child.once('exit', (code, signal) => {
        if (this.isWanted)
          reject(
            new Error(`the worker process ended although no test stopped it (${signal ?? `exit status ${code}`})`),
          );
      });
    });
    this.died.catch(() => undefined);
  }

  /**
   * Starts a worker process. Resolves when the worker polls all its lanes.
   *
   * @param cloudEnv the `OS_*` variables of the worker's clouds. Default: those of the environment's cloud
   * @param callDeadline milliseconds after which the worker gives up a call without an answer. Default: the usual
   * deadlines
   * @param limits limits of the clouds. Default: none
   */
  static async start(
    env: TestEnv,
    cloudEnv = env.cloud.env(),
    callDeadline?: number,
    limits: CloudLimits = {},
  ): Promise<WorkerProcess> {
    const bundlePath = await testBundle();
    await prepared;
    const options: WorkerProcessOptions = {
      address: env.temporal.address,
      namespace: env.temporal.namespace ?? 'default',
      taskQueue: env.taskQueue,
      bundlePath,
      cloudEnv,
      ...(callDeadline === undefined ? {} : { callDeadline }),
      limits,
      storage: env.storage,
      cache: join(env.storage, 'cache'),
    };
    const child = fork(PROGRAM, [JSON.stringify(options)], { execArgv: [], stdio: 'inherit' });
    const worker = new WorkerProcess(child);
    await Promise.race([once(child, 'message'), worker.died]);
    return worker;
  }

  /** The id of the process. */
  get pid(): number | undefined {
    return this.child.pid;
  }

  /**
   * Kills the worker with SIGKILL, as the kernel does when no memory is left. No code of the worker runs after that.
   */
  kill(): Promise<void> {
    return this.end('SIGKILL');
  }

  /** Stops the worker with SIGTERM, as an update does; resolves when the worker has ended. */
  stop(): Promise<void> {
    return this.end('SIGTERM');
  }

  private async end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    this.isWanted = false;
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const gone = once(this.child, 'exit');
    this.child.kill(signal);
    await gone;
  }
}
