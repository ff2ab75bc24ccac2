import { spawn, type ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';

/** A program to start. */
export interface SpawnRequest {
  id: number;
  command: string;
  args: string[];
  env: Record<string, string>;
}

/** What the spawner reports about a program, by the id of its request. `ready` is about the spawner itself. */
export type SpawnReport =
  | { id: number; event: 'ready' | 'spawn' }
  | { id: number; event: 'error'; message: string }
  | { id: number; event: 'exit'; code: number | null; signal: NodeJS.Signals | null };

/** How a program has ended. */
export interface ProgramEnd {
  code: number | null;
  signal: NodeJS.Signals | null;
}

/**
 * A program that the spawner has started. Its end is a promise and not an event, because a short program may have ended
 * before its starter can listen.
 */
export class SpawnedProgram {
  /** Resolves when the program has ended, and no process holds its output any more. */
  readonly closed: Promise<void>;

  constructor(
    readonly stdin: Socket,
    readonly stdout: Socket,
    readonly stderr: Socket,
    /** Resolves when the program has ended. Other processes may still hold its output. */
    readonly exited: Promise<ProgramEnd>,
  ) {
    const outputs = [stdout, stderr].map((stream) => new Promise((resolve) => stream.once('close', resolve)));
    this.closed = Promise.all([exited, ...outputs]).then(() => undefined);
  }
}

interface Waiting {
  started: () => void;
  failed: (error: Error) => void;
  ended: (end: ProgramEnd) => void;
}

const MAIN = fileURLToPath(new URL('spawner-main.ts', import.meta.url));

/**
 * Starts programs in a small process of its own. To start a program, the kernel copies the page tables of the process
 * that starts it: this takes 5 ms of CPU time in a test process of 300 MB, and 14 ms in one of 800 MB. A build starts
 * some fifty programs.
 */
class Spawner {
  private readonly waiting = new Map<number, Waiting>();
  private lastId = 0;

  private constructor(
    private readonly process: ChildProcess,
    private readonly name: string,
  ) {
    process.on('message', (report: SpawnReport) => this.handleReport(report));
  }

  static async start(): Promise<Spawner> {
    const name = `imagefactory-spawner-${randomUUID()}`;
    const child = spawn(process.execPath, ['--no-warnings', MAIN, name], {
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    await Promise.race([
      once(child, 'message'),
      once(child, 'exit').then(() => Promise.reject(new Error('the spawner has ended at its start'))),
    ]);
    const spawner = new Spawner(child, name);
    // The spawner ends when this process ends, and keeps this process alive only while a program runs: see `waiting`.
    child.unref();
    child.channel?.unref();
    return spawner;
  }

  /** Starts a program. @throws Error with the system's message */
  async spawn(command: string, args: string[], env: Record<string, string>): Promise<SpawnedProgram> {
    const id = ++this.lastId;
    const [stdin, stdout, stderr] = [0, 1, 2].map((stream) => this.connect(`${id} ${stream}\n`)) as [
      Socket,
      Socket,
      Socket,
    ];
    let ended: (end: ProgramEnd) => void = () => undefined;
    const program = new SpawnedProgram(stdin, stdout, stderr, new Promise((resolve) => (ended = resolve)));
    await new Promise<void>((started, failed) => {
      this.waiting.set(id, { started, failed, ended });
      // The report of the program's end may come after its connections have closed. Then only this channel keeps this
      // process alive until the report comes.
      this.process.channel?.ref();
      this.process.send({ id, command, args, env } satisfies SpawnRequest);
    });
    return program;
  }

  private connect(line: string): Socket {
    const socket = connect(`\0${this.name}`);
    socket.on('error', () => undefined);
    socket.write(line);
    return socket;
  }

  private handleReport(report: SpawnReport): void {
    const found = this.waiting.get(report.id);
    if (report.event === 'spawn') found?.started();
    if (report.event === 'error') found?.failed(new Error(report.message));
    if (report.event === 'exit') found?.ended({ code: report.code, signal: report.signal });
    if (report.event !== 'spawn') this.waiting.delete(report.id);
    if (this.waiting.size === 0) this.process.channel?.unref();
  }
}

let spawner: Promise<Spawner> | undefined;

/** Starts a program outside of this process. The spawner is started at the first call. @throws Error */
export async function spawnOutside(
  command: string,
  args: string[],
  env: Record<string, string>,
): Promise<SpawnedProgram> {
  spawner ??= Spawner.start();
  return (await spawner).spawn(command, args, env);
}

/** Runs a program outside of this process, and waits for its end. @throws Error with what it wrote to standard error */
export async function runOutside(command: string, args: string[]): Promise<void> {
  const program = await spawnOutside(command, args, { PATH: process.env['PATH'] ?? '/usr/bin:/bin' });
  program.stdin.end();
  program.stdout.resume();
  const [errors, { code, signal }] = await Promise.all([text(program.stderr), program.exited, program.closed]);
  if (code !== 0) throw new Error(`${command} ended with ${signal ?? code}: ${errors.trim()}`);
}
