import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import { WorkflowNotFoundError } from '@temporalio/client';
import type { temporal } from '@temporalio/proto';
import { STATUS_QUERY } from '../../../src/domain/messages.js';
import type { BuildRecord } from '../../../src/domain/record.js';
import type { BuildStatus } from '../../../src/domain/status.js';
import { FakeCloud, type FakeCloudOptions } from '../../fakes/openstack/fake-cloud.js';
import { MediaServer } from '../../fakes/openstack/media-server.js';
import { imagesIn, leftoversIn, PRESEED, type TestEnv, type Build } from '../bed.js';
import type { FaultPoint } from './places.js';

/** Seconds after which a dead worker is noticed. */
const HEARTBEAT_TIMEOUT = 2;
/** Milliseconds for which a build is asked again that does not answer: its server or its worker may be killed many times. */
const PATIENCE = 600_000;
const BODY = `
  <precommands><command name="early">echo early >> /root/runs</command></precommands>
  <packages><package name="tree"/></packages>
  <files><file name="/etc/motd.d/hello">hello</file></files>
  <commands>
    <command name="one">echo one >> /root/runs</command>
    <command name="check">test "$(echo $(cat /root/runs))" = "early one"; test "$(cat /etc/motd.d/hello)" = hello</command>
  </commands>`;

/** What a build of the matrix may differ in. */
export interface SlotBuild {
  /** It installs a JEOS of its own, from media that the cloud does not have. Default true. */
  fresh?: boolean;
  /** The template's parts besides its system. Default: a step of each kind, and a command that fails unless each has run once. */
  body?: string;
  parameters?: Record<string, unknown>;
}

/** A build of which every disk is a volume. */
export const ON_VOLUMES: SlotBuild = { parameters: { root_disk: 'volume' } };

let runs = 0;

/** A cloud and a mirror, in which one build at a time goes through what is to happen to it. */
export class MatrixSlot {
  private serversBefore = 0;
  private imagesBefore = 0;
  private current: Build | undefined;
  private started: Promise<Build> | undefined;
  /** What the steps of all builds so far are called in the histories. */
  private readonly titles = new Map<string, string>();

  private constructor(
    private readonly bed: TestEnv,
    readonly name: string,
    readonly cloud: FakeCloud,
    readonly media: MediaServer,
  ) {}

  static async start(bed: TestEnv, name: string, options: FakeCloudOptions = {}): Promise<MatrixSlot> {
    const [cloud, media] = await Promise.all([
      FakeCloud.start({ hurry: 300, consoleWhenOff: true, ...options }),
      MediaServer.start(),
    ]);
    return new MatrixSlot(bed, name, cloud, media);
  }

  get build(): Build {
    if (this.current === undefined) throw new Error(`lane ${this.name} has no build`);
    return this.current;
  }

  /** Folder of the store that the worker uses. */
  get storage(): string {
    return this.bed.storage;
  }

  async begin({ fresh = true, body = BODY, parameters = {} }: SlotBuild = {}): Promise<Build> {
    this.serversBefore = this.cloud.state.serversMade.length;
    this.imagesBefore = imagesIn(this.cloud, 'base').length;
    if (fresh) this.media.renew();
    const script = fresh ? `${PRESEED}# ${this.name} ${++runs}\n` : `${PRESEED}# ${this.name}\n`;
    const all = { request_floating_ip: 'True', download: true, install_script: script, ...parameters };
    const template = this.bed.template({ body, url: this.media.debianUrl });
    this.started = this.bed.build(template, all, this.name, HEARTBEAT_TIMEOUT);
    this.current = await this.started;
    return this.current;
  }

  /** Whether the build, or its installer run, is in the step just now. A worker that is too busy to say so is asked again. */
  async isIn({ of, step }: Pick<FaultPoint, 'of' | 'step'>): Promise<boolean> {
    // Its first call may come before the reply to whoever started it.
    await this.started;
    for (const until = Date.now() + PATIENCE; Date.now() < until;) {
      try {
        const status = await this.statusOf(of);
        return status?.steps.some(({ name, state }) => name === step && state === 'running') ?? false;
      } catch (error) {
        if (error instanceof WorkflowNotFoundError) return false;
        await pause(200);
      }
    }
    return false;
  }

  /** What the step is called in the history. */
  async titleOf({ of, step }: FaultPoint): Promise<string | undefined> {
    const key = `${of} ${step}`;
    if (!this.titles.has(key)) await this.statusOf(of);
    return this.titles.get(key);
  }

  private async statusOf(of: FaultPoint['of']): Promise<BuildStatus | undefined> {
    const status = of === 'base' ? await this.build.status() : await this.jeosStatus();
    for (const { name, title } of status?.steps ?? []) this.titles.set(`${of} ${name}`, title);
    return status;
  }

  private async jeosStatus(): Promise<BuildStatus | undefined> {
    const { jeosWorkflowId } = await this.build.status();
    if (jeosWorkflowId === undefined) return undefined;
    return this.bed.temporal.client.workflow.getHandle(jeosWorkflowId).query<BuildStatus>(STATUS_QUERY);
  }

  /** The build's record, when there is one. */
  async record(): Promise<BuildRecord | undefined> {
    return this.current?.record().catch(() => undefined);
  }

  /** The history of the build, or of its installer run. */
  async historyOf(of: FaultPoint['of']): Promise<temporal.api.history.v1.IHistory> {
    if (of === 'base') return this.build.handle.fetchHistory();
    const { jeosWorkflowId = '' } = await this.build.status();
    return this.bed.temporal.client.workflow.getHandle(jeosWorkflowId).fetchHistory();
  }

  /** How it ended: undefined when it is complete, else what it failed with. A server that is away for a while is waited for. */
  async ended(): Promise<string | undefined> {
    for (const until = Date.now() + PATIENCE; ;) {
      try {
        await this.build.result();
        return undefined;
      } catch (error) {
        const { name, cause } = error as Error & { cause?: { message?: string } };
        if (name === 'WorkflowFailedError') return cause?.message ?? String(error);
        if (Date.now() > until) throw error;
        await pause(200);
      }
    }
  }

  /** That a complete build has made what it should, once, and left nothing. */
  async checkBuilt(): Promise<void> {
    const result = await this.build.result();
    this.checkServers();
    const bases = imagesIn(this.cloud, 'base').map(({ id }) => id);
    assert.equal(bases.length, this.imagesBefore + 1, 'base images');
    assert.ok(bases.includes(result.glanceId), 'its base image is there');
    assert.ok(
      imagesIn(this.cloud, 'jeos').some(({ id }) => id === result.jeos.glance_id),
      'its JEOS is there',
    );
    assert.equal((await this.build.record()).status, 'COMPLETE');
  }

  /** That a failed one has said so, and left nothing. */
  async checkFailed(): Promise<void> {
    this.checkServers();
    assert.equal(imagesIn(this.cloud, 'base').length, this.imagesBefore, 'base images');
    assert.deepEqual((await this.build.status()).leftovers, []);
    assert.equal((await this.build.record()).status, 'FAILED');
  }

  private checkServers(): void {
    const made = this.cloud.state.serversMade.slice(this.serversBefore).map((name) => name.split('-')[1]);
    assert.deepEqual(made, [...new Set(made)], 'no instance is made twice');
    assert.deepEqual(leftoversIn(this.cloud), [], 'nothing is left');
  }

  async close(): Promise<void> {
    await Promise.all([this.cloud.close(), this.media.close()]);
  }
}
