import type { Clock } from '../core/clock.js';
import type { FakeServer } from '../state.js';
import type { InstallerBehaviour } from './behaviour.js';

/** Number of characters that a console keeps. It drops the oldest characters first. */
const MAX_LENGTH = 200_000;

export function printToConsole(server: FakeServer, text: string): void {
  server.console = (server.console + text).slice(-MAX_LENGTH);
}

/** Reads the last `lines` lines of a console, as Nova does. Reads all lines when `lines` is undefined or negative. */
export function readConsoleTail(server: FakeServer, lines: number | undefined): string {
  if (lines === undefined || lines < 0) return server.console;
  if (lines === 0) return '';
  return server.console
    .split('\n')
    .slice(-lines - 1)
    .join('\n')
    .replace(/^\n/, '');
}

/** The output of an installer: each text, and the fraction of the installation time after which it is printed. */
const STAGES: [number, string][] = [
  [0, '[    0.000000] Linux version 6.1.0-fake-amd64\n[    0.000000] Command line: {cmdline}\n'],
  [0.1, '[    1.204511] Freeing unused kernel image (initmem) memory\nStarting system log daemon: syslogd, klogd.\n'],
  [0.2, 'Detecting network hardware\nConfiguring the network with DHCP\n'],
  [0.3, 'Retrieving the install script ({script})\n'],
  [0.4, 'Detecting disks\nPartitioning disks\n'],
  [0.5, 'Installing the base system\n'],
  [0.7, 'Select and install software\n'],
  [0.85, 'Installing GRUB boot loader\n'],
  [0.95, 'Finishing the installation\n'],
];
const POWER_OFF = 'The system is going down NOW!\nRequesting system poweroff\n[   61.302214] reboot: Power down\n';

/**
 * Runs an installer: prints its output on the console, calls `installed` when the system is on the disk, and calls
 * `off` when the installer powers the machine off.
 */
export function runInstaller(
  server: FakeServer,
  how: { behaviour: InstallerBehaviour; milliseconds: number; failureLine: string; script: string },
  clock: Pick<Clock, 'after'>,
  { installed, off }: { installed: () => void; off: () => void },
): void {
  const { behaviour, milliseconds, failureLine, script } = how;
  if (behaviour === 'silent') return;
  if (behaviour === 'off-at-once') return clock.after(1, off);
  const isFailing = behaviour === 'fails' || behaviour === 'fails-and-off';
  for (const [part, text] of STAGES) {
    if (isFailing && part > 0.4) continue;
    clock.after(part * milliseconds, () => {
      printToConsole(server, text.replace('{cmdline}', server.commandLine).replace('{script}', script));
      server.traffic.disk += 1_000_000;
      server.traffic.network += 100_000;
    });
  }
  if (isFailing) {
    return clock.after(milliseconds / 2, () => {
      printToConsole(server, `${failureLine}\n`);
      if (behaviour === 'fails-and-off') off();
    });
  }
  if (behaviour === 'never-off')
    return clock.after(milliseconds, () => printToConsole(server, 'Installation complete. Press Enter to continue.\n'));
  clock.after(milliseconds, () => {
    printToConsole(server, POWER_OFF);
    installed();
    off();
  });
}
