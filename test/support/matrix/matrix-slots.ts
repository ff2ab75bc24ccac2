import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import type { TestEnv } from '../test-env.js';
import { WorkerProcess } from '../worker-process.js';
import { MatrixSlot } from './matrix-slot.js';

/** Slots for builds that run at the same time, and one worker process that serves all of them. */
export class MatrixSlots {
  private running: WorkerProcess | undefined;

  private constructor(
    private readonly env: TestEnv,
    readonly all: MatrixSlot[],
    private readonly directory: string,
    private readonly callDeadline: number | undefined,
  ) {}

  /**
   * @param callDeadline milliseconds after which the worker gives up a call without an answer. Default: the usual
   * deadlines of the worker
   */
  static async start(env: TestEnv, count: number, callDeadline?: number): Promise<MatrixSlots> {
    const names = Array.from({ length: count }, (_, index) => `slot-${index}`);
    const slots = await Promise.all(names.map((name) => MatrixSlot.start(env, name)));
    const directory = await mkdtemp(join(tmpdir(), 'imagefactory-slots-'));
    const clouds = slots.map(({ cloud, name }) => (parse(cloud.cloudsYaml(name)) as { clouds: object }).clouds);
    await writeFile(join(directory, 'clouds.yaml'), stringify({ clouds: Object.assign({}, ...clouds) as object }));
    return new MatrixSlots(env, slots, directory, callDeadline);
  }

  get worker(): WorkerProcess {
    if (this.running === undefined) throw new Error('no worker runs: call startWorker first');
    return this.running;
  }

  async startWorker(): Promise<void> {
    const variables = { OS_CLIENT_CONFIG_FILE: join(this.directory, 'clouds.yaml'), NO_PROXY: '127.0.0.1,localhost' };
    this.running = await WorkerProcess.start(this.env, variables, this.callDeadline);
  }

  /**
   * Resets the sticky task queue of every running workflow. Then the server gives the next workflow task to any worker
   * at once. Otherwise it would wait ten seconds for the worker that was killed.
   */
  async resetStickyTaskQueues(): Promise<void> {
    const { client } = this.env.temporal;
    const { namespace } = client.options;
    const query = `ExecutionStatus = 'Running' AND TaskQueue = '${this.env.taskQueue}'`;
    for await (const { workflowId } of client.workflow.list({ query })) {
      await client.workflowService.resetStickyTaskQueue({ namespace, execution: { workflowId } });
    }
  }

  async close(): Promise<void> {
    await this.running?.kill();
    await Promise.all(this.all.map((slot) => slot.close()));
    await rm(this.directory, { recursive: true, force: true });
  }
}
