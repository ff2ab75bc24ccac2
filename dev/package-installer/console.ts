import { writeFile } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { STATUS_QUERY } from '../../src/domain/messages.js';
import type { BuildStatus } from '../../src/domain/status.js';
import { fetchStatus } from '../../src/client/builds.js';
import type { ImageFactoryClient } from '../../src/client/connection.js';
import type { Cloud } from '../../src/openstack/types.js';

/**
 * Milliseconds between two reads. We read the console often, because a cloud may no longer return it when the machine
 * is off.
 */
const INTERVAL = 5000;

/** Writes the console of an installer to a file, for as long as the cloud returns the console. */
export class InstallerConsole {
  /** The text of the console at the last read. */
  text = '';
  private serverId: string | undefined;
  private readonly over = new AbortController();
  private readonly looking: Promise<void>;

  /** @param uuid UUID of the build whose installer prints on the console. The installer may start later */
  constructor(
    private readonly cloud: Cloud,
    private readonly factory: ImageFactoryClient,
    private readonly uuid: string,
    private readonly file: string,
  ) {
    this.looking = this.lookOn();
  }

  private async lookOn(): Promise<void> {
    const { signal } = this.over;
    while (!signal.aborted) {
      // We ignore errors here, because the build itself reports errors of the installer and of the cloud.
      await this.look().catch(() => undefined);
      await pause(INTERVAL, undefined, { signal }).catch(() => undefined);
    }
  }

  private async look(): Promise<void> {
    this.serverId ??= await this.installer();
    if (this.serverId === undefined) return;
    const text = await this.cloud.compute.getConsoleOutput(this.serverId);
    if (text.length <= this.text.length) return;
    this.text = text;
    await writeFile(this.file, text);
  }

  private async installer(): Promise<string | undefined> {
    const { jeosWorkflowId } = await fetchStatus(this.factory, this.uuid);
    if (jeosWorkflowId === undefined) return undefined;
    const run = this.factory.temporal.workflow.getHandle(jeosWorkflowId);
    return (await run.query<BuildStatus>(STATUS_QUERY)).resources['installer'];
  }

  /** Stops reading. */
  async close(): Promise<void> {
    this.over.abort();
    await this.looking;
  }
}
