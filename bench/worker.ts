import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { answers } from '../scripts/background.js';

/** The program as its users run it. */
export const PROGRAM = fileURLToPath(new URL('../bin/imagefactory.js', import.meta.url));
const POWER = 1024;

/** `imagefactory worker` as a process of its own, whose memory can be told. */
export class BenchWorker {
  private constructor(private readonly child: ChildProcess) {}

  /**
   * Starts it; resolves when it polls.
   * @param folder where it keeps everything
   */
  static async start(folder: string, taskQueue: string, env: NodeJS.ProcessEnv): Promise<BenchWorker> {
    const health = `127.0.0.1:${await freePort()}`;
    const storage = join(folder, 'storage');
    await mkdir(storage, { recursive: true });
    const args = ['--imgdir', join(folder, 'media'), '--task-queue', taskQueue, 'worker'];
    const child = spawn(
      process.execPath,
      [PROGRAM, ...args, '--storage-path', storage, '--health-address', health],
      // A single line about what goes wrong is wanted; what goes well would bury the tables.
      { env: { ...process.env, ...env }, stdio: ['ignore', 'ignore', 'inherit'] },
    );
    const worker = new BenchWorker(child);
    const ended = once(child, 'exit').then(() => Promise.reject(new Error('the worker ended before it polled')));
    await Promise.race([answers(`http://${health}/`, 60), ended]);
    ended.catch(() => undefined);
    return worker;
  }

  /** Bytes of memory that it has now. */
  async memory(): Promise<number> {
    const status = await readFile(`/proc/${this.child.pid}/status`, 'utf8');
    return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? NaN) * POWER;
  }

  /** Most bytes of memory that it has ever had. */
  async peakMemory(): Promise<number> {
    const status = await readFile(`/proc/${this.child.pid}/status`, 'utf8');
    return Number(/^VmHWM:\s+(\d+) kB/m.exec(status)?.[1] ?? NaN) * POWER;
  }

  /** Ends it at once. */
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
