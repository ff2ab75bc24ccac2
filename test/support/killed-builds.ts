import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import { WORKFLOWS } from '../../src/build/messages.js';
import { FakeCloud } from '../fake-cloud/fake-cloud.js';
import type { Bed, Build } from './bed.js';
import { wordsOf, type KillPoint } from './kill-points.js';
import { Striker, type Strike } from './strikes.js';
import { WorkerProcess } from './worker-process.js';

/** How a build has ended that was killed at some points. */
export interface KilledBuild {
  cloud: FakeCloud;
  build: Build;
  /** Why it did not get to its end by way of all its points. */
  failure?: string;
}

interface Running extends KilledBuild {
  striker: Striker;
  /** Resolves, with how it went, when the build is over. */
  ended: Promise<string>;
}

/**
 * Builds that run at once, each in a cloud of its own, and one worker for them all: when each has come to its next point,
 * the worker is killed, and started again.
 */
export class KilledBuilds {
  private worker: WorkerProcess | undefined;

  private constructor(
    private readonly bed: Bed,
    private readonly clouds: FakeCloud[],
    private readonly directory: string,
    private readonly env: Record<string, string>,
  ) {}

  static async start(bed: Bed, count: number): Promise<KilledBuilds> {
    const clouds = await Promise.all(
      Array.from({ length: count }, () => FakeCloud.start({ hurry: 300, consoleWhenOff: true })),
    );
    const directory = await mkdtemp(join(tmpdir(), 'imagefactory-clouds-'));
    const file = join(directory, 'clouds.yaml');
    const parts = clouds.map((cloud, index) => parse(cloud.cloudsYaml(nameOf(index))) as { clouds: object });
    await writeFile(file, stringify({ clouds: Object.assign({}, ...parts.map((part) => part.clouds)) as object }));
    return new KilledBuilds(bed, clouds, directory, { OS_CLIENT_CONFIG_FILE: file, NO_PROXY: '127.0.0.1,localhost' });
  }

  /** Runs one build for each list of points. */
  async run(start: (cloud: string, index: number) => Promise<Build>, points: KillPoint[][]): Promise<KilledBuild[]> {
    const builds = await Promise.all(
      this.clouds.map(async (cloud, index) => this.running(cloud, await start(nameOf(index), index))),
    );
    const rounds = Math.max(...points.map((list) => list.length));
    for (let round = 0; round < rounds; round++) {
      const strikes = builds.map((build, index) => this.strike(build, points[index]?.[round]));
      this.worker ??= await WorkerProcess.start(this.bed, this.env);
      const struck = await Promise.race([Promise.all(strikes), this.worker.died]);
      await this.killOnce(struck.filter((strike) => strike !== undefined));
    }
    for (const build of builds) {
      const how = await Promise.race([build.ended, ...(this.worker === undefined ? [] : [this.worker.died])]);
      if (how !== '') build.failure ??= how;
    }
    return builds;
  }

  private running(cloud: FakeCloud, build: Build): Running {
    const over = new AbortController();
    const ended = build
      .result()
      .then(
        () => '',
        (error: unknown) => `it failed: ${String((error as { cause?: unknown }).cause ?? error)}`,
      )
      .finally(() => over.abort());
    return { cloud, build, ended, striker: new Striker(this.bed, cloud, build, over.signal) };
  }

  private async strike(build: Running, point: KillPoint | undefined): Promise<Strike | undefined> {
    if (point === undefined || build.failure !== undefined) return undefined;
    const struck = build.striker.at(point);
    struck.catch(() => undefined);
    const result = await Promise.race([struck, build.ended]);
    if (typeof result !== 'string') return result;
    build.failure = `it never came to ${wordsOf(point)}: ${result || 'it is complete'}`;
    return undefined;
  }

  private async killOnce(strikes: Strike[]): Promise<void> {
    await this.worker?.kill();
    for (const strike of strikes) await strike.release();
    await this.forgetWorker();
    this.worker = await WorkerProcess.start(this.bed, this.env);
    for (const strike of strikes) await strike.afterStart?.();
  }

  /** Has the server give the workflows' next tasks to any worker, instead of waiting ten seconds for the dead one. */
  private async forgetWorker(): Promise<void> {
    const { client } = this.bed.temporal;
    const { namespace } = client.options;
    const types = `WorkflowType IN ('${WORKFLOWS.jeosImage}', '${WORKFLOWS.baseImage}')`;
    const query = `${types} AND ExecutionStatus = 'Running' AND TaskQueue = '${this.bed.taskQueue}'`;
    for await (const { workflowId } of client.workflow.list({ query })) {
      await client.workflowService.resetStickyTaskQueue({ namespace, execution: { workflowId } });
    }
  }

  async close(): Promise<void> {
    await this.worker?.kill();
    await Promise.all(this.clouds.map((cloud) => cloud.close()));
    await rm(this.directory, { recursive: true, force: true });
  }
}

function nameOf(index: number): string {
  return `fake-${index}`;
}
