import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { MIB } from '../bytes/sizes.js';
import { NbdClient } from './nbd.js';
import { programEnvironment, programFailedError, wrapProgram } from './programs.js';
import { type Extent, listExtents } from './qemu-img.js';
import type { Disk } from './types.js';

/** Bytes of one read. */
const CHUNK = MIB;
/** Reads that wait at the same time. */
const READS = 8;
/** Milliseconds between two looks whether the server listens. */
const POLL = 20;
/** Characters of the server's standard error in a message. */
const MESSAGE_LIMIT = 2000;
const WHAT = 'read the disk';
const ZEROS = Buffer.alloc(CHUNK);

/**
 * Reads the bytes that a guest would see on a disk, from its start to its end, in chunks of 1 MiB. `qemu-nbd` reads the
 * disk, so that no raw copy of it is needed. Ranges without data are not read.
 *
 * @throws FactoryError InvalidParameter when qemu-nbd is missing; StoreFailed when it was killed; ImageFailed otherwise
 */
export async function* readDisk(disk: Disk, signal?: AbortSignal): AsyncGenerator<Buffer> {
  const extents = await listExtents(disk, signal);
  // Its path is short, since that of a socket has at most 107 bytes. Only this user can enter the folder.
  const folder = await mkdtemp(join(tmpdir(), 'imagefactory-nbd-'));
  const server = await startServer(disk, join(folder, 'socket'), signal);
  try {
    const client = await server.connect();
    // Nobody else connects, and a worker that is killed leaves nothing.
    await rm(folder, { recursive: true, force: true });
    yield* readChunks(disk, extents, client);
    client.close();
  } catch (error) {
    signal?.throwIfAborted();
    throw (await server.failure(error)) ?? error;
  } finally {
    server.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

async function* readChunks(disk: Disk, extents: readonly Extent[], client: NbdClient): AsyncGenerator<Buffer> {
  const waiting: (Buffer | Promise<Buffer>)[] = [];
  let index = 0;
  for (let offset = 0; offset < disk.virtualSize; offset += CHUNK) {
    const length = Math.min(CHUNK, disk.virtualSize - offset);
    while (endOf(extents[index]) <= offset) index++;
    const empty = (extents[index]?.start ?? Infinity) >= offset + length;
    const chunk = empty ? ZEROS.subarray(0, length) : client.read(offset, length);
    // The failure is seen when the chunk's turn comes.
    if (chunk instanceof Promise) chunk.catch(() => undefined);
    waiting.push(chunk);
    if (waiting.length > READS) yield await (waiting.shift() as Promise<Buffer>);
  }
  for (const chunk of waiting) yield await chunk;
}

function endOf(extent: Extent | undefined): number {
  return extent === undefined ? Infinity : extent.start + extent.length;
}

/** A running qemu-nbd. */
interface Server {
  /** Connects as soon as the server listens. */
  connect(): Promise<NbdClient>;
  /** Returns the reason why the server has ended, if it has ended or is about to. */
  failure(error: unknown): Promise<Error | undefined>;
  stop(): void;
}

async function startServer(disk: Disk, socket: string, signal: AbortSignal | undefined): Promise<Server> {
  signal?.throwIfAborted();
  const args = ['--read-only', `--format=${disk.format}`, `--socket=${socket}`, disk.path];
  const [file, wrapped] = await wrapProgram('qemu-nbd', args);
  const child = spawn(file, wrapped, { stdio: ['ignore', 'ignore', 'pipe'], env: programEnvironment() });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr = (stderr + text).slice(-MESSAGE_LIMIT)));
  const ended = waitForEnd(child);
  const stop = (): void => void child.kill('SIGKILL');
  signal?.addEventListener('abort', stop);
  void ended.then(() => signal?.removeEventListener('abort', stop));
  const hasEnded = (): boolean => child.exitCode !== null || child.signalCode !== null;
  return {
    async connect() {
      for (;;) {
        const client = await NbdClient.connect(socket).catch((error: NodeJS.ErrnoException) => {
          if (hasEnded() || !['ENOENT', 'ECONNREFUSED'].includes(error.code ?? '')) throw error;
          return undefined;
        });
        if (client !== undefined) return client;
        await sleep(POLL);
      }
    },
    async failure(error) {
      // An error that is not of the connection has nothing to do with the server.
      if (!(error instanceof Error) || error.name === 'FactoryError') return undefined;
      child.kill('SIGTERM');
      await ended;
      const { exitCode: code, signalCode: killedBy } = child;
      const said = stderr.trim() === '' ? error.message : stderr.trim();
      return programFailedError('qemu-nbd', WHAT, {
        code,
        killedBy: killedBy === 'SIGTERM' ? null : killedBy,
        stderr: said,
      });
    },
    stop,
  };
}

function waitForEnd(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    child.once('error', () => resolve());
    child.once('close', () => resolve());
  });
}
