import { execFile } from 'node:child_process';
import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import { STATUS_QUERY } from '../../src/domain/messages.js';
import type { BuildStatus } from '../../src/domain/status.js';
import type { CallPattern } from '../fakes/openstack/core/call-log.js';
import type { FakeCloud } from '../fakes/openstack/fake-cloud.js';
import type { RootFiles } from '../fakes/openstack/guests/root-files.js';
import type { TestEnv, Build } from './bed.js';
import type { KillPoint } from './kill-points.js';

type AtCall = Extract<KillPoint['at'], { call: CallPattern }>;

/** The first call of whatever is done in the guest. */
const ADMITTED = { service: 'network', method: 'GET', path: /\/security-groups\?tags=/ } as const;

/** What a template's command does during which the worker is to be killed. */
export function heldCommand(name: string): string {
  return `echo ${name} >> /root/runs; touch /root/${name}.runs; while [ ! -e /root/${name}.end ]; do sleep 0.1; done`;
}

/** A build that stands still at a point. */
export interface Interruption {
  /** To be called when the worker is dead, and before the next one is started. */
  release: () => Promise<void>;
  /** To be called when the next one runs. */
  afterStart?: () => Promise<void>;
}

/** Brings a build to a stand at points of its life, so that its worker can be killed there. */
export class Interrupter {
  constructor(
    private readonly bed: TestEnv,
    private readonly cloud: FakeCloud,
    private readonly build: Build,
    private readonly over: AbortSignal,
  ) {}

  /** Resolves when the build has come to the point. It must not be beyond it yet. */
  at({ of, step, at }: KillPoint): Promise<Interruption> {
    if ('command' in at) return this.atCommand(at.command, at.ends);
    if ('document' in at) return this.atDocument(step, at.document);
    return this.atCall(of, step, at);
  }

  /** The call is held until the worker is dead, and its connection cut then. */
  private atCall(of: KillPoint['of'], step: string, { call, when }: AtCall): Promise<Interruption> {
    return new Promise((resolve, reject) => {
      let struck = false;
      this.over.addEventListener('abort', () =>
        reject(new Error(`the build did not come to ${step}, ${when} that call`)),
      );
      const disarm = this.cloud.faults.add({
        kind: 'held',
        match: call,
        when,
        times: Infinity,
        decide: async () => {
          if (!(await this.isIn(of, step)) || struck) return 'go';
          struck = true;
          disarm();
          return new Promise((decided) => resolve({ release: () => Promise.resolve(decided('cut')) }));
        },
      });
    });
  }

  private async atCommand(command: string, ends: 'alone' | 'followed'): Promise<Interruption> {
    const guest = await this.until(() => this.guestWith(`root/${command}.runs`));
    const end = (): Promise<void> => guest.write(`root/${command}.end`, '', { mode: 0o600 });
    if (ends === 'alone') return { release: end };
    const { calls } = this.cloud;
    const admitted = calls.count(ADMITTED);
    return {
      release: () => Promise.resolve(),
      afterStart: async () => {
        await this.until(() => Promise.resolve(calls.count(ADMITTED) > admitted || undefined));
        await end();
      },
    };
  }

  private async guestWith(path: string): Promise<RootFiles | undefined> {
    for (const id of this.cloud.state.servers.keys()) {
      const files = this.cloud.guestFiles(id);
      if ((await files?.read(path)) !== undefined) return files;
    }
    return undefined;
  }

  /** A pipe stands in for the document: whoever reads it waits for somebody who writes. */
  private async atDocument(step: string, name: string): Promise<Interruption> {
    const document = join(this.bed.storage, `${this.build.uuid}.d`, name);
    const aside = `${document}.aside`;
    const cleaning = await this.atCall('base', 'cleanup', {
      call: { service: 'compute', method: 'GET', path: /\/os-keypairs\// },
      when: 'before',
    });
    await rename(document, aside);
    await promisify(execFile)('mkfifo', [document]);
    // The call fails, and the clean-up is tried again.
    await cleaning.release();
    await this.until(async () => (await this.isIn('base', step)) || undefined);
    return { release: () => rename(aside, document) };
  }

  private async isIn(of: KillPoint['of'], step: string): Promise<boolean> {
    const status = await this.statusOf(of).catch(() => undefined);
    return status?.steps.some(({ name, state }) => name === step && state === 'running') ?? false;
  }

  private async statusOf(of: KillPoint['of']): Promise<BuildStatus | undefined> {
    const status = await this.build.status();
    if (of === 'base' || status.jeosWorkflowId === undefined) return of === 'base' ? status : undefined;
    return this.bed.temporal.client.workflow.getHandle(status.jeosWorkflowId).query<BuildStatus>(STATUS_QUERY);
  }

  /** What the look answers, as soon as it answers something. */
  private async until<T>(look: () => Promise<T | undefined>): Promise<T> {
    for (;;) {
      const found = await look();
      if (found !== undefined) return found;
      this.over.throwIfAborted();
      await pause(20);
    }
  }
}
