import { FactoryError } from '../../domain/errors.js';
import { type CloudWatch, cancellationSignal } from '../shared/context.js';
import { formatConsoleTail } from '../shared/console-tail.js';

/** The shortest time between two reads of an installer's console, in milliseconds. */
const CONSOLE_INTERVAL = 10_000;

/** The number of console lines that one read returns. */
const CONSOLE_LINES = 100;

/** The state of the watch. It is in the heartbeat, so that a new attempt continues from it. */
export interface InstallerState {
  /** When the watch began, in milliseconds since the epoch. */
  began: number;
  /** When the installer last gave a sign of life, in milliseconds since the epoch. */
  lastLife: number;
  /** When the instance was last checked, in milliseconds since the epoch. */
  lookedAt: number;
  /** The last lines of the console. */
  tail: string;
  /** Sum of disk and network traffic at the last check; undefined when it is not known. */
  traffic: number | undefined;
}

/**
 * Reads an installer's console, at most every ten seconds and within the rate limit that all builds of a cloud share.
 */
export class ConsoleWatch {
  private nextRead = 0;

  constructor(
    private readonly watch: CloudWatch,
    private readonly serverId: string,
    private readonly state: InstallerState,
    private readonly failurePatterns: RegExp[],
  ) {}

  /**
   * Reads the console when a read is due.
   * @throws FactoryError InstallFailed when the installer has printed a failure
   */
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
        'look at the console for the cause, and correct the install script',
      );
    }
  }

  async read(): Promise<void> {
    const { compute } = this.watch.cloud;
    const console = await compute.getConsoleOutput(this.serverId, CONSOLE_LINES, { signal: cancellationSignal() });
    const tail = formatConsoleTail(console, CONSOLE_LINES);
    // Some clouds have no console for an instance that is off. Then the last text stays in the state.
    if (tail === '' || tail === this.state.tail) return;
    this.state.lastLife = Date.now();
    this.state.tail = tail;
  }

  /**
   * Checks disk and network traffic for a sign of life, but only when the console has been silent for a quarter of
   * `inactivityTimeout` (seconds). We make this call rarely, because it serves only one build, unlike the shared list
   * calls.
   */
  async traffic(inactivityTimeout: number): Promise<void> {
    if (Date.now() - this.state.lastLife < (inactivityTimeout * 1000) / 4 || !this.watch.console.tryTake()) return;
    const now = await this.watch.cloud.compute.getTraffic(this.serverId, { signal: cancellationSignal() });
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
