import { commandsForHeld, type BuildStatus, type HeldBuild } from '../../domain/status.js';
import { toPlainLine } from '../../domain/plain-text.js';
import { formatClock } from './text.js';

/** Formats a held build: what failed and why, how long the build waits, and the commands that end the wait. */
export function formatHeldBuild(status: BuildStatus, held: HeldBuild, now: number): string[] {
  const left = formatClock(Math.max(0, held.until - now));
  const commands = commandsForHeld(status, held);
  const width = Math.max(...commands.map(([command]) => command.length));
  return [
    `The build is held: ${toPlainLine(held.step)} failed ${formatClock(now - held.since)} ago, and the build’s resources are kept.`,
    ...held.message.split('\n').map((line) => `  ${toPlainLine(line)}`),
    ...(held.hint === undefined ? [] : [`What to do: ${toPlainLine(held.hint)}`]),
    `In ${left} the build gives up and cleans up. Until then, these commands are possible:`,
    ...commands.map(([command, effect]) => `  ${command.padEnd(width)}  ${toPlainLine(effect)}`),
  ];
}
