import type { EndedBuild } from '../../client/index.js';
import { commandsForEnded, type EndedIdentity } from '../../domain/status.js';
import { toPlainLine } from '../../domain/plain-text.js';

/** Formats the end of a build without an image: what failed and why, what is left, and the next commands. */
export function formatEndedBuild(build: EndedIdentity, { failure, execution, resumePoint }: EndedBuild): string[] {
  const { step, message, hint } = failure;
  const commands = commandsForEnded(build, execution, resumePoint);
  const width = Math.max(...commands.map(([command]) => command.length));
  const where = step === '' ? '' : ` in ${toPlainLine(step)}`;
  return [
    `The build has ended without an image (${execution})${where}:`,
    ...message.split('\n').map((line) => `  ${toPlainLine(line)}`),
    ...(hint === undefined ? [] : [`What to do: ${toPlainLine(hint)}`]),
    'What can be done:',
    ...commands.map(([command, effect]) => `  ${command.padEnd(width)}  ${toPlainLine(effect)}`),
  ];
}
