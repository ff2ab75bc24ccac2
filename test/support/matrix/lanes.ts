import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import type { TestEnv } from '../bed.js';
import { WorkerProcess } from '../worker-process.js';
import { MatrixSlot } from './lane.js';

/** Clouds for builds at once, and one worker process for them all. */
export class MatrixSlots {
  private running: WorkerProcess | undefined;

  private constructor(
    private readonly bed: TestEnv,
    readonly all: MatrixSlot[],
    private readonly directory: string,
    private readonly callDeadline: number | undefined,
  ) {}

  /** @param callDeadline milliseconds after which the worker gives up a call that is not answered; default: as always */
  static async start(bed: TestEnv, count: number, callDeadline?: number): Promise<MatrixSlots> {
    const names = Array.from({ length: count }, (_, index) => `lane-${index}`);
    const lanes = await Promise.all(names.map((name) => MatrixSlot.start(bed, name)));
    const directory = await mkdtemp(join(tmpdir(), 'imagefactory-lanes-'));
    const clouds = lanes.map(({ cloud, name }) => (parse(cloud.cloudsYaml(name)) as { clouds: object }).clouds);
    await writeFile(join(directory, 'clouds.yaml'), stringify({ clouds: Object.assign({}, ...clouds) as object }));
    return new MatrixSlots(bed, lanes, directory, callDeadline);
  }

  get worker(): WorkerProcess {
    if (this.running === undefined) throw new Error('no worker runs');
    return this.running;
  }

  async startWorker(): Promise<void> {
    const env = { OS_CLIENT_CONFIG_FILE: join(this.directory, 'clouds.yaml'), NO_PROXY: '127.0.0.1,localhost' };
    this.running = await WorkerProcess.start(this.bed, env, this.callDeadline);
  }

  /** Has the server give the workflows' next tasks to any worker, instead of waiting ten seconds for the dead one. */
  async forgetWorker(): Promise<void> {
    const { client } = this.bed.temporal;
    const { namespace } = client.options;
    const query = `ExecutionStatus = 'Running' AND TaskQueue = '${this.bed.taskQueue}'`;
    for await (const { workflowId } of client.workflow.list({ query })) {
      await client.workflowService.resetStickyTaskQueue({ namespace, execution: { workflowId } });
    }
  }

  async close(): Promise<void> {
    await this.running?.kill();
    await Promise.all(this.all.map((lane) => lane.close()));
    await rm(this.directory, { recursive: true, force: true });
  }
}
