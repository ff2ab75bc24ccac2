import { FactoryError } from '../../domain/errors.js';
import { type CloudWatch, cancellationSignal } from '../shared/context.js';
import { maskSecrets } from '../../planning/secrets.js';
import { formatConsoleTail } from '../shared/console-tail.js';

/** How often a console is read, at the most, while its installer runs: milliseconds. */
const CONSOLE_INTERVAL = 10_000;

/** Lines of the console that are looked at while waiting, and kept in messages. */
const CONSOLE_LINES = 100;

/** What is known of a running installer; heartbeat, so that a new attempt goes on from it. */
export interface InstallerState {
  /** Milliseconds since the epoch: when we began, when it last showed life, and when somebody last looked. */
  began: number;
  lastLife: number;
  lookedAt: number;
  tail: string;
  traffic: number | undefined;
}

/** One look at the console, at most every ten seconds and within the cloud's common allowance. */
export class ConsoleWatch {
  private nextRead = 0;

  constructor(
    private readonly watch: CloudWatch,
    private readonly serverId: string,
    private readonly state: InstallerState,
    private readonly failurePatterns: RegExp[],
    private readonly secrets: string[],
  ) {}

  /** Reads what is due; throws when the installer has printed that it failed. */
  async readIfDue(): Promise<void> {
    if (Date.now() < this.nextRead || !this.watch.console.tryTake()) return;
    this.nextRead = Date.now() + CONSOLE_INTERVAL;
    await this.read();
    this.checkForFailure();
  }

  checkForFailure(): void {
    const line = this.state.tail.split('\n').find((text) => this.failurePatterns.some((pattern) => pattern.test(text)));
    if (line !== undefined) {
      throw installerError(
        'InstallFailed',
        `the installer reports a failure: ${line.trim()}`,
        this.state.tail,
        'correct the install script, or look at the console',
      );
    }
  }

  async read(): Promise<void> {
    const { compute } = this.watch.cloud;
    const console = await compute.consoleOutput(this.serverId, CONSOLE_LINES, { signal: cancellationSignal() });
    const tail = this.mask(formatConsoleTail(console, CONSOLE_LINES));
    // Some clouds have no console for a machine that is off: what was seen last then stands.
    if (tail === '' || tail === this.state.tail) return;
    this.state.lastLife = Date.now();
    this.state.tail = tail;
  }

  /** The text without what is secret in the build's documents. */
  mask(text: string): string {
    return maskSecrets(text, this.secrets);
  }

  /** Traffic is asked for only when the console has been silent for a while: the call belongs to this build alone. */
  async traffic(inactivityTimeout: number): Promise<void> {
    if (Date.now() - this.state.lastLife < (inactivityTimeout * 1000) / 4 || !this.watch.console.tryTake()) return;
    const now = await this.watch.cloud.compute.traffic(this.serverId, { signal: cancellationSignal() });
    const sum = now === undefined ? undefined : now.disk + now.network;
    if (sum !== undefined && sum !== this.state.traffic) this.state.lastLife = Date.now();
    this.state.traffic = sum;
  }
}

export function installerError(
  type: 'InstallFailed' | 'InstallSilent' | 'DeadlineExceeded',
  message: string,
  tail: string,
  hint: string,
): FactoryError {
  return new FactoryError(type, message, { hint, consoleTail: tail });
}
