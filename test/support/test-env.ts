import { randomUUID } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { isGrpcDeadlineError, type WorkflowHandle } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import type { BaseImageInput } from '../../src/domain/base-image-input.js';
import { workflowIdFor } from '../../src/domain/image-kinds.js';
import { STATUS_QUERY, WORKFLOWS, type BaseImageResult } from '../../src/domain/messages.js';
import { parseParameters } from '../../src/domain/parameters.js';
import type { BuildRecord } from '../../src/domain/record.js';
import type { BuildStatus } from '../../src/domain/status.js';
import type { PayloadKeys } from '../../src/codec/keys.js';
import { connectClouds } from '../../src/openstack/index.js';
import { createWorkers, runWorkers, type WorkersOptions } from '../../src/worker/workers.js';
import { FakeCloud, type FakeCloudOptions } from '../fakes/openstack/fake-cloud.js';
import type { Leftover } from '../fakes/openstack/leftovers.js';
import type { FakeImage } from '../fakes/openstack/state.js';
import { MEDIA_ADDRESSES, MediaServer } from '../fakes/openstack/media-server.js';
import { testBundle } from './bundle.js';
import { startTemporal, temporalEnv } from './temporal.js';
import { until, WAIT_MINUTES } from './until.js';

/** The shortest valid preseed. */
export const PRESEED = 'd-i debian-installer/exit/poweroff boolean true\n';

/** The parts of a test template. Each has a default. */
export interface TemplateParts {
  name?: string;
  os?: string;
  version?: string;
  url?: string;
  /**
   * `iso`: URL of the install medium (`<iso>`). Unset: the system is installed from `url`. `install`: more elements for
   * `<install>`.
   */
  iso?: string;
  install?: string;
  body?: string;
}

export interface TestEnvOptions {
  cloud?: FakeCloudOptions;
  /** A server that several environments share. Its client must use the same payload keys. */
  temporal?: TestWorkflowEnvironment;
  /** Keys with which the worker encrypts payloads. Unset: it encrypts nothing. */
  payloadKeys?: PayloadKeys;
  /** Whether a worker is started in this process. Default true. */
  worker?: boolean;
  /** Seconds without a heartbeat after which Temporal tries an activity again. Default 4, so that tests are quick. */
  heartbeatTimeout?: number;
}

/** A worker in this process. */
export interface TestEnvWorker {
  /** Stops the worker; resolves when the worker has ended. */
  stop(): Promise<void>;
}

/** A worker in this process, a fake cloud, a mirror and a real Temporal server. A build takes a second or two. */
export class TestEnv {
  private readonly workers = new Set<TestEnvWorker>();

  private constructor(
    readonly temporal: TestWorkflowEnvironment,
    readonly cloud: FakeCloud,
    readonly media: MediaServer,
    readonly storage: string,
    private readonly ownTemporal: boolean,
    /** Keys with which the next worker encrypts payloads. Undefined: it encrypts nothing. */
    public payloadKeys: PayloadKeys | undefined,
    private readonly heartbeatTimeout: number,
  ) {}

  readonly taskQueue = `test-${randomUUID()}`;

  static async start(options: TestEnvOptions = {}): Promise<TestEnv> {
    const [temporal, cloud, media, storage] = await Promise.all([
      options.temporal ?? startTemporal(options.payloadKeys),
      FakeCloud.start({ speedUp: 300, consoleWhenOff: true, ...options.cloud }),
      MediaServer.start(),
      mkdtemp(join(tmpdir(), 'imagefactory-test-')),
    ]);
    const { payloadKeys, heartbeatTimeout = 4 } = options;
    const ownTemporal = options.temporal === undefined;
    const env = new TestEnv(temporal, cloud, media, storage, ownTemporal, payloadKeys, heartbeatTimeout);
    if (options.worker !== false) await env.startWorker();
    return env;
  }

  /** Returns the environment variables of a worker process that serves this environment. */
  variables(): Record<string, string> {
    return {
      ...this.cloud.env(),
      ...temporalEnv(this.temporal),
    };
  }

  /** Starts one more worker in this process. Default: today's release, without a version. */
  async startWorker(
    release: Partial<Pick<WorkersOptions, 'version' | 'bundle' | 'limits' | 'filesFrom' | 'allowAddresses' | 'providers'>> = {},
  ): Promise<TestEnvWorker> {
    const clouds = connectClouds({ env: this.cloud.env(), directory: this.storage });
    const { payloadKeys } = this;
    const lanes = await createWorkers({
      connection: this.temporal.nativeConnection,
      client: this.temporal.client,
      taskQueue: this.taskQueue,
      bundle: { codePath: await testBundle(payloadKeys !== undefined) },
      ...(payloadKeys === undefined ? {} : { payloadKeys }),
      clouds,
      storagePath: this.storage,
      cachePath: join(this.storage, 'cache'),
      pollInterval: { shortest: 20, longest: 200 },
      allowAddresses: MEDIA_ADDRESSES,
      release: '0.0.0-test',
      ...release,
    });
    const stop = new AbortController();
    const running = runWorkers(lanes, stop.signal);
    const worker: TestEnvWorker = {
      stop: async () => {
        this.workers.delete(worker);
        stop.abort();
        await running;
        await clouds.close();
      },
    };
    this.workers.add(worker);
    return worker;
  }

  /** Stops every worker in this process. */
  async stopWorker(): Promise<void> {
    await Promise.all([...this.workers].map((worker) => worker.stop()));
  }

  /** Returns a TDL that installs a Debian from this environment's mirror. */
  template(parts: TemplateParts = {}): string {
    const { name = 'tiny', os = 'Debian', version = '12', url = this.media.debianUrl, body = '', iso } = parts;
    const source = iso === undefined ? `<url>${url}</url>` : `<iso>${iso}</iso>${parts.install ?? ''}`;
    return `<template><name>${name}</name><os><name>${os}</name><version>${version}</version><arch>x86_64</arch>
      <install type="${iso === undefined ? 'url' : 'iso'}">${source}</install></os>${body}</template>`;
  }

  /** Starts a build. The parameters that the fake cloud's guests need have defaults here. */
  async build(
    template: string,
    parameters: Record<string, unknown> = {},
    cloud = 'envvars',
    heartbeatTimeout = this.heartbeatTimeout,
  ): Promise<Build> {
    const uuid = randomUUID();
    const input: BaseImageInput = {
      uuid,
      template,
      templateName: 'tiny.tdl',
      cloud,
      heartbeatTimeout,
      parameters: parseParameters({
        install_script: PRESEED,
        flavor: 'm1.small',
        default_user: 'debian',
        command_prefix: 'sudo',
        ...parameters,
      }),
    };
    const handle = await this.temporal.client.workflow.start<(given: BaseImageInput) => Promise<BaseImageResult>>(
      WORKFLOWS.baseImage,
      {
        taskQueue: this.taskQueue,
        workflowId: workflowIdFor('base_image', uuid),
        args: [input],
        memo: { cloud },
      },
    );
    return new Build(uuid, handle, this);
  }

  /**
   * Lists the resources in the cloud, except JEOS, media and base images. After a finished build the list must be
   * empty.
   */
  leftovers(): Leftover[] {
    return leftoversIn(this.cloud);
  }

  /** Lists the images of a role, for example `jeos`. The property `imagefactory_role` of an image names its role. */
  images(role: string): FakeImage[] {
    return imagesIn(this.cloud, role);
  }

  async close(): Promise<void> {
    await this.stopWorker();
    await this.cloud.close();
    await this.media.close();
    if (this.ownTemporal) await this.temporal.teardown();
    await rm(this.storage, { recursive: true, force: true });
  }
}

/**
 * Lists the resources in a cloud, except JEOS, media and base images. After a finished build the list must be empty.
 */
export function leftoversIn(cloud: FakeCloud): Leftover[] {
  const kept = new Set(['media', 'jeos', 'base', 'prepared']);
  return cloud.leftovers().filter((thing) => {
    const image = thing.kind === 'image' ? cloud.state.images.get(thing.id) : undefined;
    return image === undefined || !kept.has(image.properties['imagefactory_role'] ?? '');
  });
}

/**
 * Lists the images of a role in a cloud, for example `jeos`. The property `imagefactory_role` of an image names its
 * role.
 */
export function imagesIn(cloud: FakeCloud, role: string): FakeImage[] {
  return [...cloud.state.images.values()].filter((image) => image.properties['imagefactory_role'] === role);
}

/**
 * Waits for the failure with which a workflow ends.
 *
 * @param result the workflow's result
 * @throws Error when the workflow does not fail
 */
export async function failureOf(result: Promise<unknown>): Promise<ApplicationFailure> {
  try {
    await result;
  } catch (error) {
    const { cause } = error as { cause?: unknown };
    if (cause instanceof ApplicationFailure) return cause;
    throw error;
  }
  throw new Error('the workflow did not fail');
}

/** A build in a test environment. */
export class Build {
  constructor(
    readonly uuid: string,
    readonly handle: WorkflowHandle<(given: BaseImageInput) => Promise<BaseImageResult>>,
    private readonly env: TestEnv,
  ) {}

  /** Waits for the result of the build. */
  result(): Promise<BaseImageResult> {
    return this.inTime('end', () => this.handle.result());
  }

  /**
   * Queries the status. Repeats the query while no worker answers, because other tests may have stopped the workers
   * that all tests of a file share.
   */
  status(): Promise<BuildStatus> {
    return this.inTime('answer', async (over) => {
      for (;;) {
        try {
          return await this.asked();
        } catch (error) {
          if (over.aborted || !isGrpcDeadlineError(error)) throw error;
        }
      }
    });
  }

  private asked(): Promise<BuildStatus> {
    return this.handle.query<BuildStatus>(STATUS_QUERY);
  }

  /**
   * Waits for the failure with which the build ends.
   *
   * @throws Error when the build does not fail
   */
  failure(): Promise<ApplicationFailure> {
    return failureOf(this.result());
  }

  async record(): Promise<BuildRecord> {
    return JSON.parse(await readFile(join(this.env.storage, `${this.uuid}.meta`), 'utf8')) as BuildRecord;
  }

  /** Waits until the build has reached the step. */
  async reaches(step: string): Promise<void> {
    await this.shows(`come to ${step}`, ({ steps }) => steps.find(({ name }) => name === step));
  }

  /** Waits until the build waits for its installer run. @returns the installer run */
  async installer(): Promise<Build> {
    await this.reaches('jeos');
    const { jeosWorkflowId = '' } = await this.status();
    const handle = this.env.temporal.client.workflow.getHandle(jeosWorkflowId);
    const isThere = (): Promise<boolean> => handle.describe().then(() => true, () => false); // prettier-ignore
    await until(isThere, jeosWorkflowId);
    return new Build(this.uuid, handle, this.env);
  }

  /**
   * Waits until the build is held.
   *
   * @returns `held` of its status
   * @throws Error when the build ends and is not held
   */
  held(): Promise<NonNullable<BuildStatus['held']>> {
    return this.shows('be held', ({ held }) => held);
  }

  /**
   * Calls `look` with the status of the build until it returns a value, and returns that value.
   *
   * @throws Error when the build ends first
   */
  private shows<T>(what: string, look: (status: BuildStatus) => T | undefined): Promise<T> {
    return this.inTime(what, async (over) => {
      for (;;) {
        const status = await this.asked().catch(() => undefined);
        const found = status && look(status);
        if (found !== undefined) return found;
        if (status?.endedAt !== undefined || over.aborted)
          throw new Error(`the build did not ${what}, and has ended: ${status?.failure?.message}`);
        await pause(20);
      }
    });
  }

  /**
   * Runs `work` with a time limit.
   *
   * @throws Error with the state of the build, when `work` has not ended in time
   */
  private async inTime<T>(what: string, work: (over: AbortSignal) => Promise<T>): Promise<T> {
    const over = new AbortController();
    const late = pause(WAIT_MINUTES * 60_000, undefined, { signal: over.signal }).then(async () => {
      const state = await this.state().catch(String);
      throw new Error(`the build did not ${what} in ${WAIT_MINUTES} minutes: ${state}`);
    });
    try {
      return await Promise.race([work(over.signal), late]);
    } finally {
      late.catch(() => undefined);
      over.abort();
    }
  }

  /** Describes the state of the build, as Temporal reports it. */
  private async state(): Promise<string> {
    const { raw, status } = await this.handle.describe();
    const pending = (raw.pendingActivities ?? []).map(
      ({ activityType, attempt, state, heartbeatDetails, lastFailure }) => ({
        activity: activityType?.name,
        attempt,
        state,
        said: heartbeatDetails?.payloads?.map(({ data }) => String(data)).join(),
        lastFailure: lastFailure?.message,
      }),
    );
    const task = raw.pendingWorkflowTask ?? undefined;
    const now = await this.asked().catch(String);
    return JSON.stringify({ workflow: status.name, pending, task, now });
  }
}
