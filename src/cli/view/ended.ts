import { commandsForEnded } from '../../domain/status.js';
import type { EndedBuild } from '../../client/ended-build.js';
import { plain } from './text.js';

/** What somebody who is to resume a build that has ended must know: what failed, why, what is left, and what can be done. */
export function endedLines(uuid: string, { failure, execution, remains }: EndedBuild): string[] {
  const { step, message, hint } = failure;
  const commands = commandsForEnded(uuid, execution, remains);
  const width = Math.max(...commands.map(([command]) => command.length));
  const where = step === '' ? '' : ` in ${plain(step)}`;
  return [
    `The build has ended without an image (${execution})${where}:`,
    ...message.split('\n').map((line) => `  ${plain(line)}`),
    ...(hint === undefined ? [] : [`What to do: ${plain(hint)}`]),
    'What can be done:',
    ...commands.map(([command, effect]) => `  ${command.padEnd(width)}  ${plain(effect)}`),
  ];
}
