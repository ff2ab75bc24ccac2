import { execFile } from 'node:child_process';
import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { STATUS_QUERY } from '../../src/domain/messages.js';
import type { BuildStatus } from '../../src/domain/status.js';
import type { CallPattern } from '../fakes/openstack/core/call-log.js';
import { FIND_SECURITY_GROUP } from './call-patterns.js';
import type { FakeCloud } from '../fakes/openstack/fake-cloud.js';
import type { RootFiles } from '../fakes/openstack/guests/root-files.js';
import type { TestEnv, Build } from './test-env.js';
import type { KillPoint } from './kill-points.js';
import { until } from './until.js';

type AtCall = Extract<KillPoint['at'], { call: CallPattern }>;

/**
 * Returns a template command that blocks until the file `/root/<name>.end` exists. While the command blocks, the test
 * kills the worker.
 */
export function blockingCommand(name: string): string {
  return `echo ${name} >> /root/runs; touch /root/${name}.runs; while [ ! -e /root/${name}.end ]; do sleep 0.1; done`;
}

/** A build that is paused at a kill point. */
export interface Interruption {
  /** Lets the build go on. Call it after the worker was killed, and before the next worker starts. */
  release: () => Promise<void>;
  /** Lets the command end. Call it when the next worker runs. Unset when no command has to end then. */
  afterStart?: () => Promise<void>;
}

/** Pauses a build at kill points, so that a test can kill its worker there. */
export class Interrupter {
  constructor(
    private readonly env: TestEnv,
    private readonly cloud: FakeCloud,
    private readonly build: Build,
    /** When this signal is aborted, the interrupter no longer waits for the kill point. */
    private readonly signal: AbortSignal,
  ) {}

  /** Resolves when the build is paused at the kill point. Call it before the build passes that point. */
  pauseAt({ of, step, at }: KillPoint): Promise<Interruption> {
    if ('command' in at) return this.atCommand(at.command, at.ends);
    if ('document' in at) return this.atDocument(step, at.document);
    return this.atCall(of, step, at);
  }

  /** Holds the call until `release` cuts its connection. */
  private atCall(of: KillPoint['of'], step: string, { call, when }: AtCall): Promise<Interruption> {
    return new Promise((resolve, reject) => {
      let isHeld = false;
      this.signal.addEventListener('abort', () =>
        reject(new Error(`the build did not reach step ${step}, ${when} the call`)),
      );
      const disarm = this.cloud.faults.add({
        kind: 'held',
        match: call,
        when,
        times: Infinity,
        decide: async () => {
          if (!(await this.isInStep(of, step)) || isHeld) return 'go';
          isHeld = true;
          disarm();
          return new Promise((decide) => resolve({ release: () => Promise.resolve(decide('cut')) }));
        },
      });
    });
  }

  private async atCommand(command: string, ends: 'alone' | 'followed'): Promise<Interruption> {
    const startFile = `root/${command}.runs`;
    const guest = await until(() => this.findGuestWith(startFile), `command ${command} runs`, this.signal);
    const endCommand = (): Promise<void> => guest.write(`root/${command}.end`, '', { mode: 0o600 });
    if (ends === 'alone') return { release: endCommand };
    const { calls } = this.cloud;
    const before = calls.count(FIND_SECURITY_GROUP);
    return {
      release: () => Promise.resolve(),
      afterStart: async () => {
        await until(
          () => calls.count(FIND_SECURITY_GROUP) > before,
          'the next worker follows the command',
          this.signal,
        );
        await endCommand();
      },
    };
  }

  private async findGuestWith(path: string): Promise<RootFiles | undefined> {
    for (const id of this.cloud.state.servers.keys()) {
      const files = this.cloud.guestFiles(id);
      if ((await files?.read(path)) !== undefined) return files;
    }
    return undefined;
  }

  /**
   * Replaces the document by a named pipe. The step that reads the document blocks, because nothing writes to the pipe.
   */
  private async atDocument(step: string, name: string): Promise<Interruption> {
    const document = join(this.env.storage, `${this.build.uuid}.d`, name);
    const aside = `${document}.aside`;
    const cleanup = await this.atCall('base', 'cleanup', {
      call: { service: 'compute', method: 'GET', path: /\/os-keypairs\// },
      when: 'before',
    });
    await rename(document, aside);
    await promisify(execFile)('mkfifo', [document]);
    // `release` cuts the connection of the held call. So the clean-up fails, and Temporal retries it.
    await cleanup.release();
    await until(() => this.isInStep('base', step), `the build is in ${step}`, this.signal);
    return { release: () => rename(aside, document) };
  }

  private async isInStep(of: KillPoint['of'], step: string): Promise<boolean> {
    const status = await this.queryStatus(of).catch(() => undefined);
    return status?.steps.some(({ name, state }) => name === step && state === 'running') ?? false;
  }

  private async queryStatus(of: KillPoint['of']): Promise<BuildStatus | undefined> {
    const status = await this.build.status();
    if (of === 'base' || status.jeosWorkflowId === undefined) return of === 'base' ? status : undefined;
    return this.env.temporal.client.workflow.getHandle(status.jeosWorkflowId).query<BuildStatus>(STATUS_QUERY);
  }
}
