import { FactoryError } from '../../domain/errors.js';
import { parseTimestamp } from '../../openstack/http/timestamp.js';
import type { Server } from '../../openstack/types.js';
import {
  type CloudWatch,
  type Deps,
  reportProgress,
  readHeartbeatCheckpoint,
  cancellationSignal,
} from '../shared/context.js';
import { isGone, serverFailed, serverGone } from '../instance/servers.js';
import { INSTALLED } from '../../os/scripts/stock/types.js';
import { maskSecrets } from '../../planning/secrets.js';
import { loadInstallerPlan, loadSecrets } from '../shared/documents.js';
import type { WaitForPowerOff } from '../shared/types.js';

/** How often a console is read, at the most, while its installer runs: milliseconds. */
const CONSOLE_INTERVAL = 10_000;
/** Lines of the console that are looked at while waiting, and kept in messages. */
const CONSOLE_LINES = 100;
const TAIL_LINES = 25;
/**
 * An installer that is off sooner than this, in seconds, without having said goodbye on its console, has not installed. Nothing that
 * installs is done so soon, not with KVM and a mirror beside it either; whether a slower one has installed, the JEOS shows when it boots.
 */
const SHORTEST_INSTALL = 10;
/** What a kernel or an init prints when it powers the machine off. */
const POWER_OFF_WORDS = /power(ing)?[ -]?(down|off)/i;

/**
 * What a kernel, an init or anaconda's loader prints when it has halted: the machine stays on, and no installer does so that was told to
 * power off and has come to its end.
 */
const HALTED = [
  /(^|reboot: )System halted/,
  /[Tt]he (operating )?system has (been )?halted/,
  /you may safely reboot your system/,
];

/** What is known of a running installer; heartbeat, so that a new attempt goes on from it. */
interface Watching {
  /** Milliseconds since the epoch: when we began, when it last showed life, and when somebody last looked. */
  began: number;
  lastLife: number;
  looked: number;
  tail: string;
  traffic: number | undefined;
}

/** The status line that Debian's installer keeps redrawing on a serial console: which window, what time. */
const SCREEN_STATUS = /\[[^\]]*\(\d?-?\*?\d?\*?-?[a-z]*\)[^\]]*\]\s*\[[^\]]*\]/g;

/**
 * Control sequences of a terminal. Nova takes the escape character out of what it hands on, so that only the form is left: a
 * letter without a number before it belongs to a word where another letter follows.
 */
const CONTROL_SEQUENCES = /\x1b\[[0-9;?]*[A-Za-z]|\[(?:\d[\d;]*[A-DHJKm]|[HJKMm](?![A-Za-z]))/g;

/** The end of the console as text for people: no control characters, no empty lines. */
export function tailOf(console: string, lines = TAIL_LINES): string {
  return console
    .replace(CONTROL_SEQUENCES, '')
    .replace(/\r(?!\n)/g, '\n')
    .replace(/[^\x20-\x7e\n\u00a0-\uffff]/g, '')
    .replace(SCREEN_STATUS, '')
    .split('\n')
    .filter((line) => line.trim() !== '')
    .slice(-lines)
    .map((line) => line.slice(0, 200))
    .join('\n');
}

function failed(
  type: 'InstallFailed' | 'InstallSilent' | 'DeadlineExceeded',
  message: string,
  tail: string,
  hint: string,
): FactoryError {
  return new FactoryError(type, message, { hint, consoleTail: tail });
}

function powerOff(server: Server): boolean {
  return server.status === 'SHUTOFF' && server['OS-EXT-STS:task_state'] === null;
}

/** One look at the console, at most every ten seconds and within the cloud's common allowance. */
class ConsoleWatch {
  private nextRead = 0;

  constructor(
    private readonly watch: CloudWatch,
    private readonly serverId: string,
    private readonly state: Watching,
    private readonly failurePatterns: RegExp[],
    private readonly secrets: string[],
  ) {}

  /** Reads what is due; throws when the installer has printed that it failed. */
  async look(): Promise<void> {
    if (Date.now() < this.nextRead || !this.watch.console.tryTake()) return;
    this.nextRead = Date.now() + CONSOLE_INTERVAL;
    await this.read();
    this.checkForFailure();
  }

  checkForFailure(): void {
    const line = this.state.tail.split('\n').find((text) => this.failurePatterns.some((pattern) => pattern.test(text)));
    if (line !== undefined) {
      throw failed(
        'InstallFailed',
        `the installer reports a failure: ${line.trim()}`,
        this.state.tail,
        'correct the install script, or look at the console',
      );
    }
  }

  async read(): Promise<void> {
    const { compute } = this.watch.cloud;
    const console = await compute.getConsoleOutput(this.serverId, CONSOLE_LINES, { signal: cancellationSignal() });
    const tail = this.hidden(tailOf(console, CONSOLE_LINES));
    // Some clouds have no console for a machine that is off: what was seen last then stands.
    if (tail === '' || tail === this.state.tail) return;
    this.state.lastLife = Date.now();
    this.state.tail = tail;
  }

  /** The text without what is secret in the build's documents. */
  hidden(text: string): string {
    return maskSecrets(text, this.secrets);
  }

  /** Traffic is asked for only when the console has been silent for a while: the call belongs to this build alone. */
  async traffic(inactivity: number): Promise<void> {
    if (Date.now() - this.state.lastLife < (inactivity * 1000) / 4 || !this.watch.console.tryTake()) return;
    const now = await this.watch.cloud.compute.getTraffic(this.serverId, { signal: cancellationSignal() });
    const sum = now === undefined ? undefined : now.disk + now.network;
    if (sum !== undefined && sum !== this.state.traffic) this.state.lastLife = Date.now();
    this.state.traffic = sum;
  }
}

function checkTime(input: WaitForPowerOff, state: Watching): void {
  const now = Date.now();
  if (now >= input.deadline) {
    const minutes = Math.round((now - state.began) / 60_000);
    throw failed(
      'DeadlineExceeded',
      `the installer has not powered its machine off by its deadline (waited ${minutes} min)`,
      tailOf(state.tail),
      'see that the install script ends by powering off; --parameter install_timeout gives it more time',
    );
  }
  if (now - state.lastLife >= input.inactivity * 1000) {
    throw failed(
      'InstallSilent',
      `the installer has given no sign of life for ${input.inactivity} s: nothing new on its console, no traffic`,
      tailOf(state.tail),
      'it may be asking a question; --parameter inactivity_timeout changes how long it may be silent',
    );
  }
}

/** A stock script has come to its last line. Not where the line is only quoted: as a command that is about to run. */
export function saysInstalled(console: string): boolean {
  return tailOf(console, Infinity)
    .split('\n')
    .some((line) => line.trim() === INSTALLED);
}

/**
 * Seconds that a machine which is off was on, by Nova's own clock: the installer may have come to its end while no worker
 * looked, and the one that looks now may just have begun.
 */
function secondsOn(server: Server, state: Watching): number {
  const launched = parseTimestamp(server['OS-SRV-USG:launched_at'] ?? server.created) ?? state.began;
  const off = parseTimestamp(server.updated) ?? Date.now();
  // The one is in whole seconds, the other is not.
  return Math.max(0, off - launched) / 1000;
}

/** An installer that is off at once, and has not said that it powers off, has crashed or never started. */
function checkInstalled(state: Watching, seconds: number): void {
  if (seconds >= SHORTEST_INSTALL || POWER_OFF_WORDS.test(state.tail)) return;
  throw failed(
    'InstallFailed',
    `the installer’s machine was off after ${Math.round(seconds)} s, and nothing on its console says that it has installed anything`,
    tailOf(state.tail),
    'see whether the kernel and the ramdisk fit the flavor (memory, architecture), and what the console says',
  );
}

/** Where an earlier attempt stopped. It counts as silence only while somebody listens: not the time between the attempts. */
function watching(): Watching {
  const now = Date.now();
  const state = readHeartbeatCheckpoint<Watching>();
  if (state === undefined) return { began: now, lastLife: now, looked: now, tail: '', traffic: undefined };
  return { ...state, lastLife: state.lastLife + Math.max(0, now - state.looked), looked: now };
}

/** Looks at the installer until its machine is off. */
async function untilOff(deps: Deps, input: WaitForPowerOff, console: ConsoleWatch, state: Watching): Promise<Server> {
  const { cloud, servers } = deps.watch(input.ref.cloud);
  for (;;) {
    const server =
      (await servers.next(input.serverId, cancellationSignal())) ??
      (await cloud.compute.getServer(input.serverId, { signal: cancellationSignal() }));
    if (server === undefined || isGone(server)) throw serverGone(input.serverId);
    if (server.status === 'ERROR') throw await serverFailed(deps, input.ref.cloud, server);
    if (powerOff(server)) return server;
    if (server.status === 'ACTIVE') {
      await console.look();
      await console.traffic(input.inactivity);
    }
    checkTime(input, state);
    state.looked = Date.now();
    reportProgress({ message: messageOf(server), consoleLine: state.tail.split('\n').at(-1), resume: state });
  }
}

/** Waits until the installer powers its machine off. */
export async function waitForPowerOff(
  deps: Deps,
  input: WaitForPowerOff,
): Promise<{ seconds: number; consoleTail: string }> {
  const watch = deps.watch(input.ref.cloud);
  const plan = await loadInstallerPlan(deps, input.documentsId);
  const secrets = await loadSecrets(deps, input.documentsId);
  const state = watching();
  const patterns = [...plan.failurePatterns.map((source) => new RegExp(source)), ...HALTED];
  const console = new ConsoleWatch(watch, input.serverId, state, patterns, secrets);
  try {
    const seconds = secondsOn(await untilOff(deps, input, console, state), state);
    if (!saysInstalled(await keepConsole(deps, input, console, state))) {
      // What it has printed since the last look: some installers power off when they have failed.
      console.checkForFailure();
      checkInstalled(state, seconds);
    }
    return { seconds, consoleTail: tailOf(state.tail) };
  } catch (error) {
    await keepConsole(deps, input, console, state).catch(() => undefined);
    throw error;
  } finally {
    watch.servers.stopWaiting(input.serverId);
  }
}

function messageOf(server: Server): string {
  const task = server['OS-EXT-STS:task_state'];
  return `the installer’s instance is ${server.status}${task === null ? '' : ` (${task})`}`;
}

/** Keeps the whole console as evidence; the instance will not be there to ask. @returns the console */
async function keepConsole(
  deps: Deps,
  input: WaitForPowerOff,
  console: ConsoleWatch,
  state: Watching,
): Promise<string> {
  await console.read();
  const whole = await deps
    .watch(input.ref.cloud)
    .cloud.compute.getConsoleOutput(input.serverId, undefined, { signal: cancellationSignal() });
  const kept = console.hidden(whole) || state.tail;
  await deps.store.writeDocument(input.documentsId, 'installer.console', kept);
  return kept;
}
