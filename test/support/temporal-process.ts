import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Connection } from '@temporalio/client';
import { SEARCH_ATTRIBUTES } from '../../src/domain/search-attributes.js';
import { started, temporalProgram } from './temporal.js';

/** Number of characters of the server's error output that an error message quotes. */
const SAID_CHARACTERS = 2000;

/** Returns a port that no program uses now. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** A Temporal server with a database on disk. A test can kill it and start it again. */
export class TemporalProcess {
  private child: ChildProcess | undefined;

  private constructor(
    private readonly port: number,
    private readonly directory: string,
  ) {}

  static async start(): Promise<TemporalProcess> {
    const directory = await mkdtemp(join(tmpdir(), 'imagefactory-temporal-'));
    return started(async () => {
      const server = new TemporalProcess(await freePort(), directory);
      await server.run();
      return server;
    });
  }

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** Starts the server with its database; resolves when the server answers. */
  async up(): Promise<void> {
    await started(() => this.run());
  }

  private async run(): Promise<void> {
    const attributes = Object.values(SEARCH_ATTRIBUTES).flatMap(({ name }) => [
      '--search-attribute',
      `${name}=Keyword`,
    ]);
    const file = join(this.directory, 'temporal.db');
    const tuning = ['--dynamic-config-value', 'history.transferProcessorMaxPollRPS=1000'];
    const where = ['--headless', '--ip', '127.0.0.1', '--port', String(this.port), '--db-filename', file];
    const words = ['server', 'start-dev', ...where, '--log-level', 'never', ...tuning, ...attributes];
    const child = spawn(temporalProgram(), words, { stdio: ['ignore', 'ignore', 'pipe'] });
    this.child = child;
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(0, SAID_CHARACTERS);
    });
    for (;;) {
      if (child.exitCode !== null) throw new Error(`the Temporal server ended with status ${child.exitCode}: ${said}`);
      try {
        const connection = await Connection.connect({ address: this.address, connectTimeout: 1000 });
        await connection.workflowService.describeNamespace({ namespace: 'default' }).finally(() => connection.close());
        return;
      } catch {
        await pause(100);
      }
    }
  }

  /** Kills the server with SIGKILL. Data that it has not written to the database is lost. */
  async kill(): Promise<void> {
    const { child } = this;
    if (child?.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  }

  async close(): Promise<void> {
    await this.kill();
    await rm(this.directory, { recursive: true, force: true });
  }
}
