import { commandsForHeld, type BuildStatus, type HeldBuild } from '../../domain/status.js';
import { clock, plain } from './text.js';

/** What somebody who is to resume a held build must know: what failed, why, since when it waits, and what can be done. */
export function heldLines(status: BuildStatus, held: HeldBuild, now: number): string[] {
  const left = clock(Math.max(0, held.until - now));
  const commands = commandsForHeld(status.uuid, held);
  const width = Math.max(...commands.map(([command]) => command.length));
  return [
    `The build is held: ${held.step} failed ${clock(now - held.since)} ago, and what it has made is kept.`,
    ...held.message.split('\n').map((line) => `  ${plain(line)}`),
    ...(held.hint === undefined ? [] : [`What to do: ${plain(held.hint)}`]),
    `In ${left} it gives up and cleans up. Until then:`,
    ...commands.map(([command, effect]) => `  ${command.padEnd(width)}  ${plain(effect)}`),
  ];
}
