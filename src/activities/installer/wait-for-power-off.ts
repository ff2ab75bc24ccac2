import { parseTimestamp } from '../../http/timestamp.js';
import type { Server } from '../../openstack/types.js';
import { type Deps, reportProgress, readHeartbeatCheckpoint, cancellationSignal } from '../shared/context.js';
import { isOff, watchLiveServer } from '../instance/servers.js';
import { INSTALLED } from '../../os/scripts/stock-parts/stock-input.js';
import { loadBuild } from '../shared/build-documents.js';
import { maskConsole } from '../shared/logs.js';
import { formatConsoleTail } from '../shared/console-tail.js';
import { type InstallerState, ConsoleWatch, installerError } from './console-watch.js';
import type { BuildRef } from '../../domain/names.js';

export interface WaitForPowerOffInput {
  ref: BuildRef;
  documentsId: string;
  serverId: string;
  /** Time at which the step fails if the instance is still on, in milliseconds since the epoch. */
  deadline: number;
  /** Seconds without a sign of life after which the step fails. */
  inactivityTimeout: number;
}

/**
 * Every installation takes more seconds than this, even with KVM and a local mirror. An instance that is off sooner,
 * without a power-off message on its console, has installed nothing. After a longer time, only the boot of the JEOS
 * shows whether a system was installed.
 */
const SHORTEST_INSTALL = 10;

/** Words that a kernel or an init prints when it powers the machine off. */
const POWER_OFF_WORDS = /power(ing)?[ -]?(down|off)/i;

/**
 * Lines that a kernel, an init or anaconda's loader prints when it has halted the machine, which then stays on. These
 * lines mean a failure, because an installer that was told to power off and has finished never halts.
 */
const HALTED = [
  /(^|reboot: )System halted/,
  /[Tt]he (operating )?system has (been )?halted/,
  /you may safely reboot your system/,
];

function checkTime(input: WaitForPowerOffInput, state: InstallerState): void {
  const now = Date.now();
  if (now >= input.deadline) {
    const minutes = Math.round((now - state.began) / 60_000);
    throw installerError(
      'DeadlineExceeded',
      `the installer has not powered its machine off by its deadline (waited ${minutes} min)`,
      formatConsoleTail(state.tail),
      'check that the install script powers the machine off at its end; ' +
        '--parameter install_timeout gives the installer more time',
    );
  }
  if (now - state.lastLife >= input.inactivityTimeout * 1000) {
    throw installerError(
      'InstallSilent',
      `the installer has given no sign of life for ${input.inactivityTimeout} s: ` +
        'nothing new on its console, no traffic',
      formatConsoleTail(state.tail),
      'the installer may wait for an answer to a question; ' +
        '--parameter inactivity_timeout sets how long it may be silent',
    );
  }
}

/**
 * Checks whether the console shows the last line of a stock script. The line must contain nothing else, because the
 * console may also show the command that prints the line, before the command runs.
 */
export function saysInstalled(console: string): boolean {
  return formatConsoleTail(console, Infinity)
    .split('\n')
    .some((line) => line.trim() === INSTALLED);
}

/**
 * Computes for how many seconds an instance was on before it was off. Uses the clock of Nova, because the installer may
 * have finished while no worker was watching.
 */
function computeSecondsOn(server: Server, state: InstallerState): number {
  const launched = parseTimestamp(server['OS-SRV-USG:launched_at'] ?? server.created) ?? state.began;
  const off = parseTimestamp(server.updated) ?? Date.now();
  // Nova gives `updated` in whole seconds and `launched_at` with fractions, so the difference may be below 0.
  return Math.max(0, off - launched) / 1000;
}

/**
 * Throws when the instance was off in less than {@link SHORTEST_INSTALL} seconds without a power-off message on its
 * console: the installer has crashed, or never started.
 */
function checkInstalled(state: InstallerState, seconds: number): void {
  if (seconds >= SHORTEST_INSTALL || POWER_OFF_WORDS.test(state.tail)) return;
  throw installerError(
    'InstallFailed',
    `the installer’s machine was off after ${Math.round(seconds)} s, ` +
      'and nothing on its console says that it has installed anything',
    formatConsoleTail(state.tail),
    'check whether the kernel and the ramdisk fit the flavor (memory, architecture), and read the console',
  );
}

/** Restores the state of an earlier attempt. The time between two attempts does not count as silence. */
function restoreState(): InstallerState {
  const now = Date.now();
  const state = readHeartbeatCheckpoint<InstallerState>();
  if (state === undefined) return { began: now, lastLife: now, lookedAt: now, tail: '', traffic: undefined };
  return { ...state, lastLife: state.lastLife + Math.max(0, now - state.lookedAt), lookedAt: now };
}

/** Watches the installer until its instance is off. */
function waitUntilOff(
  deps: Deps,
  input: WaitForPowerOffInput,
  console: ConsoleWatch,
  state: InstallerState,
): Promise<Server> {
  return watchLiveServer(deps, input.ref.cloud, input.serverId, async (server) => {
    if (isOff(server)) return server;
    if (server.status === 'ACTIVE') {
      await console.readIfDue();
      await console.traffic(input.inactivityTimeout);
    }
    checkTime(input, state);
    state.lookedAt = Date.now();
    reportProgress({ message: describeInstaller(server), consoleLine: state.tail.split('\n').at(-1), resume: state });
    return undefined;
  });
}

/** Waits until the installer powers its instance off. */
export async function waitForPowerOff(
  deps: Deps,
  input: WaitForPowerOffInput,
): Promise<{ seconds: number; consoleTail: string }> {
  const watch = deps.watch(input.ref.cloud);
  const plan = await loadBuild(deps, input.documentsId).installerPlan();
  const state = restoreState();
  const patterns = [...plan.failurePatterns.map((source) => new RegExp(source)), ...HALTED];
  const console = new ConsoleWatch(watch, input.serverId, state, patterns);
  try {
    const seconds = computeSecondsOn(await waitUntilOff(deps, input, console, state), state);
    if (!saysInstalled(await storeConsole(deps, input, console, state))) {
      // Checks the last lines of the console for a failure, because some installers power off after a failure.
      console.checkForFailure();
      checkInstalled(state, seconds);
    }
    return { seconds, consoleTail: formatConsoleTail(state.tail) };
  } catch (error) {
    await storeConsole(deps, input, console, state).catch(() => undefined);
    throw error;
  }
}

function describeInstaller(server: Server): string {
  const task = server['OS-EXT-STS:task_state'];
  return `the installer’s instance is ${server.status}${task === null ? '' : ` (${task})`}`;
}

/**
 * Writes the whole console to the store, without secrets, because the instance will be deleted.
 * @returns the console
 */
async function storeConsole(
  deps: Deps,
  input: WaitForPowerOffInput,
  console: ConsoleWatch,
  state: InstallerState,
): Promise<string> {
  await console.read();
  const whole = await deps
    .watch(input.ref.cloud)
    .cloud.compute.getConsoleOutput(input.serverId, undefined, { signal: cancellationSignal() });
  const kept = await maskConsole(whole === '' ? state.tail : whole);
  await deps.store.writeDocument(input.documentsId, 'installer.console', kept);
  return kept;
}
