import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import { WorkflowNotFoundError } from '@temporalio/client';
import type { temporal } from '@temporalio/proto';
import { STATUS_QUERY } from '../../../src/domain/messages.js';
import type { BuildRecord } from '../../../src/domain/record.js';
import type { BuildStatus } from '../../../src/domain/status.js';
import { FakeCloud, type FakeCloudOptions } from '../../fakes/openstack/fake-cloud.js';
import { MediaServer } from '../../fakes/openstack/media-server.js';
import { imagesIn, leftoversIn, PRESEED, type TestEnv, type Build } from '../test-env.js';
import type { FaultPoint } from './fault-points.js';

/** Seconds without a heartbeat after which Temporal considers a worker dead. */
const HEARTBEAT_TIMEOUT = 2;
/**
 * Milliseconds for which we repeat a query that gets no answer. The time is long, because a test may kill the server or
 * the worker many times.
 */
const QUERY_TIMEOUT = 600_000;
const BODY = `
  <precommands><command name="early">echo early >> /root/runs</command></precommands>
  <packages><package name="tree"/></packages>
  <files><file name="/etc/motd.d/hello">hello</file></files>
  <commands>
    <command name="one">echo one >> /root/runs</command>
    <command name="check">test "$(echo $(cat /root/runs))" = "early one"; test "$(cat /etc/motd.d/hello)" = hello</command>
  </commands>`;

/** The parts of a build that differ between the cells of the matrix. */
export interface SlotBuild {
  /** Whether the build installs its own JEOS, from media that the cloud does not have yet. Default true. */
  fresh?: boolean;
  /**
   * The template without its `<os>`. Default: one step of each kind, and a command that succeeds only if each step ran
   * exactly once.
   */
  body?: string;
  parameters?: Record<string, unknown>;
}

/** A build whose disks are all volumes. */
export const ON_VOLUMES: SlotBuild = { parameters: { root_disk: 'volume' } };

let runs = 0;

/** A fake cloud and a mirror in which one build runs at a time. */
export class MatrixSlot {
  private serversBefore = 0;
  private imagesBefore = 0;
  private current: Build | undefined;
  private started: Promise<Build> | undefined;
  /** Titles of the steps of all builds in this slot, as they are in the histories. The key is `<of> <step>`. */
  private readonly titles = new Map<string, string>();

  private constructor(
    private readonly env: TestEnv,
    readonly name: string,
    readonly cloud: FakeCloud,
    readonly media: MediaServer,
  ) {}

  static async start(env: TestEnv, name: string, options: FakeCloudOptions = {}): Promise<MatrixSlot> {
    const [cloud, media] = await Promise.all([
      FakeCloud.start({ speedUp: 300, consoleWhenOff: true, ...options }),
      MediaServer.start(),
    ]);
    return new MatrixSlot(env, name, cloud, media);
  }

  get build(): Build {
    if (this.current === undefined) throw new Error(`slot ${this.name} has no build: call startBuild first`);
    return this.current;
  }

  /** Folder of the worker's store. */
  get storage(): string {
    return this.env.storage;
  }

  async startBuild({ fresh = true, body = BODY, parameters = {} }: SlotBuild = {}): Promise<Build> {
    this.serversBefore = this.cloud.state.serversMade.length;
    this.imagesBefore = imagesIn(this.cloud, 'base').length;
    if (fresh) this.media.replaceTrees();
    const script = fresh ? `${PRESEED}# ${this.name} ${++runs}\n` : `${PRESEED}# ${this.name}\n`;
    const all = { request_floating_ip: 'True', download: true, install_script: script, ...parameters };
    const template = this.env.template({ body, url: this.media.debianUrl });
    this.started = this.env.build(template, all, this.name, HEARTBEAT_TIMEOUT);
    this.current = await this.started;
    return this.current;
  }

  /**
   * Checks whether the build, or its installer run, is in the step now. Repeats the query when the worker is too busy
   * to answer.
   */
  async isInStep({ of, step }: Pick<FaultPoint, 'of' | 'step'>): Promise<boolean> {
    // The first call of the build may come before the client has the reply to its start request.
    await this.started;
    for (const deadline = Date.now() + QUERY_TIMEOUT; Date.now() < deadline;) {
      try {
        const status = await this.queryStatus(of);
        return status?.steps.some(({ name, state }) => name === step && state === 'running') ?? false;
      } catch (error) {
        if (error instanceof WorkflowNotFoundError) return false;
        await pause(200);
      }
    }
    return false;
  }

  /** Returns the title that the step has in the history. */
  async findTitle({ of, step }: FaultPoint): Promise<string | undefined> {
    const key = `${of} ${step}`;
    if (!this.titles.has(key)) await this.queryStatus(of);
    return this.titles.get(key);
  }

  private async queryStatus(of: FaultPoint['of']): Promise<BuildStatus | undefined> {
    const status = of === 'base' ? await this.build.status() : await this.queryJeosStatus();
    for (const { name, title } of status?.steps ?? []) this.titles.set(`${of} ${name}`, title);
    return status;
  }

  private async queryJeosStatus(): Promise<BuildStatus | undefined> {
    const { jeosWorkflowId } = await this.build.status();
    if (jeosWorkflowId === undefined) return undefined;
    return this.env.temporal.client.workflow.getHandle(jeosWorkflowId).query<BuildStatus>(STATUS_QUERY);
  }

  /** Reads the build's record; returns undefined when the record is not written yet. */
  async readRecord(): Promise<BuildRecord | undefined> {
    return this.current?.record().catch(() => undefined);
  }

  /** Fetches the history of the build or of its installer run. */
  async fetchHistory(of: FaultPoint['of']): Promise<temporal.api.history.v1.IHistory> {
    if (of === 'base') return this.build.handle.fetchHistory();
    const { jeosWorkflowId = '' } = await this.build.status();
    return this.env.temporal.client.workflow.getHandle(jeosWorkflowId).fetchHistory();
  }

  /**
   * Waits until the build has ended, also while the server cannot be reached.
   *
   * @returns the message of its failure; undefined when it is complete
   */
  async waitForEnd(): Promise<string | undefined> {
    for (const deadline = Date.now() + QUERY_TIMEOUT; ;) {
      try {
        await this.build.result();
        return undefined;
      } catch (error) {
        const { name, cause } = error as Error & { cause?: { message?: string } };
        if (name === 'WorkflowFailedError') return cause?.message ?? String(error);
        if (Date.now() > deadline) throw error;
        await pause(200);
      }
    }
  }

  /** Asserts that the build is complete, has created each instance once, and has left only its images in the cloud. */
  async checkBuilt(): Promise<void> {
    const result = await this.build.result();
    this.checkServers();
    const bases = imagesIn(this.cloud, 'base').map(({ id }) => id);
    assert.equal(bases.length, this.imagesBefore + 1, 'base images');
    assert.ok(bases.includes(result.glanceId), 'the base image of the build does not exist');
    assert.ok(
      imagesIn(this.cloud, 'jeos').some(({ id }) => id === result.jeos.glance_id),
      'the JEOS of the build does not exist',
    );
    assert.equal((await this.build.record()).status, 'COMPLETE');
  }

  /** Asserts that the build has recorded its failure and that none of its resources remains, except JEOS and media. */
  async checkFailed(): Promise<void> {
    this.checkServers();
    assert.equal(imagesIn(this.cloud, 'base').length, this.imagesBefore, 'base images');
    assert.deepEqual((await this.build.status()).leftovers, []);
    assert.equal((await this.build.record()).status, 'FAILED');
  }

  private checkServers(): void {
    const made = this.cloud.state.serversMade.slice(this.serversBefore).map((name) => name.split('-')[1]);
    assert.deepEqual(made, [...new Set(made)], 'an instance was created twice');
    assert.deepEqual(leftoversIn(this.cloud), [], 'the build has left resources');
  }

  async close(): Promise<void> {
    await Promise.all([this.cloud.close(), this.media.close()]);
  }
}
