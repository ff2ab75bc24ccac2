import { writeFile } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import type { WorkflowHandle } from '@temporalio/client';
import { STATUS_QUERY } from '../../src/build/messages.js';
import type { BuildStatus } from '../../src/build/status.js';
import type { Cloud } from '../../src/openstack/types.js';

/** Milliseconds between two looks: a cloud may have no console any more for a machine that is off. */
const INTERVAL = 5000;

/** Keeps the whole console of an installer in a file, as long as the cloud gives it. */
export class InstallerConsole {
  /** As of the last look. */
  text = '';
  private serverId: string | undefined;
  private readonly over = new AbortController();
  private readonly looking: Promise<void>;

  /** @param installer the run that installs the JEOS, also while it has not begun */
  constructor(
    private readonly cloud: Cloud,
    private readonly installer: WorkflowHandle,
    private readonly file: string,
  ) {
    this.looking = this.lookOn();
  }

  private async lookOn(): Promise<void> {
    const { signal } = this.over;
    while (!signal.aborted) {
      // Of what is wrong with the installer or the cloud the build itself tells.
      await this.look().catch(() => undefined);
      await pause(INTERVAL, undefined, { signal }).catch(() => undefined);
    }
  }

  private async look(): Promise<void> {
    this.serverId ??= (await this.installer.query<BuildStatus>(STATUS_QUERY)).resources['installer'];
    if (this.serverId === undefined) return;
    const text = await this.cloud.compute.consoleOutput(this.serverId);
    if (text.length <= this.text.length) return;
    this.text = text;
    await writeFile(this.file, text);
  }

  /** Looks no longer. */
  async close(): Promise<void> {
    this.over.abort();
    await this.looking;
  }
}
