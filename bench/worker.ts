import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, open, readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { answers } from '../scripts/background.js';
import { MEDIA_ADDRESSES } from '../test/fakes/openstack/media-server.js';

/** The command-line program, as users run it. */
export const PROGRAM = fileURLToPath(new URL('../bin/imagefactory.js', import.meta.url));

/** `imagefactory worker` in its own process, so that a benchmark can measure its memory. */
export class BenchWorker {
  private constructor(private readonly child: ChildProcess) {}

  /**
   * Starts the worker. Resolves when the worker polls its task queue.
   *
   * @param folder the folder for all files of the worker
   * @param env the whole environment of the worker
   * @throws Error with the worker's log, when the worker does not poll within 60 s
   */
  static async start(folder: string, taskQueue: string, env: NodeJS.ProcessEnv): Promise<BenchWorker> {
    const health = `127.0.0.1:${await freePort()}`;
    const storage = join(folder, 'storage');
    await mkdir(storage, { recursive: true });
    const args = ['--imgdir', join(folder, 'media'), '--task-queue', taskQueue, 'worker'];
    const log = await open(join(folder, 'worker.log'), 'a');
    const own = ['--storage-path', storage, '--health-address', health, '--allow-address', MEDIA_ADDRESSES.join()];
    const child = spawn(process.execPath, [PROGRAM, ...args, ...own], {
      env,
      stdio: ['ignore', log.fd, log.fd],
    });
    await log.close();
    const worker = new BenchWorker(child);
    try {
      await answers(`http://${health}/`, 60);
    } catch (error) {
      await worker.stop();
      throw new Error(
        `the worker does not poll after 60 s. Its log: ${await readFile(join(folder, 'worker.log'), 'utf8')}`,
        {
          cause: error,
        },
      );
    }
    return worker;
  }

  /** Reads the worker's resident memory in bytes. */
  async readMemory(): Promise<number> {
    const status = await readFile(`/proc/${this.child.pid}/status`, 'utf8');
    return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? NaN) * 1024;
  }

  /** Reads the peak of the worker's resident memory in bytes. */
  async readPeakMemory(): Promise<number> {
    const status = await readFile(`/proc/${this.child.pid}/status`, 'utf8');
    return Number(/^VmHWM:\s+(\d+) kB/m.exec(status)?.[1] ?? NaN) * 1024;
  }

  /** Kills the worker. */
  async stop(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const gone = once(this.child, 'exit');
    this.child.kill('SIGKILL');
    await gone;
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}
