import { readContent } from './content.js';
import { checkShape, findChildren, readRequiredAttribute } from './elements.js';
import type { Problems } from './place.js';
import type { Command, Content } from './types.js';
import type { XmlElement } from './xml.js';

interface Placed {
  element: XmlElement;
  command: Command;
}

/** Reads the commands of `<commands>` or `<precommands>`, and returns them in the order in which they run. */
export function readCommands(section: XmlElement | undefined, problems: Problems): Command[] {
  if (section === undefined) return [];
  checkShape(section, { repeated: ['command'] }, problems);
  const commands = findChildren(section, 'command').map((element) => ({
    element,
    command: readCommand(element, problems),
  }));
  checkPositions(commands, problems);
  return commands.map(({ command }) => command).sort((a, b) => (a.position ?? 0) - (b.position ?? 0));
}

function readCommand(element: XmlElement, problems: Problems): Command {
  checkShape(element, { attributes: ['name', 'type', 'position'] }, problems);
  const name = readRequiredAttribute(element, 'name', problems, "<command name='tidy'>…</command>").trim();
  const content = readContent(element, problems);
  if (isEmpty(content))
    problems.add(element.at, 'a command must not be empty: write the command that is to run, or remove the element');
  const position = element.attributes.get('position');
  if (position === undefined) return { name, content };
  const digits = position.value.trim();
  if (!/^\d{1,9}$/.test(digits)) {
    problems.add(
      position.at,
      `${JSON.stringify(position.value)} is not a position: write a whole number, 1 for the command that runs first`,
    );
    return { name, content };
  }
  return { name, content, position: Number(digits) };
}

function isEmpty(content: Content): boolean {
  // For a command of type url, `readContent` has already reported a missing URL.
  return (content.type === 'raw' && content.text === '') || (content.type === 'base64' && content.base64 === '');
}

/** Checks that either no command or every command has a position, and that the positions are 1 to n. */
function checkPositions(commands: Placed[], problems: Problems): void {
  const placed = commands.filter(({ element }) => element.attributes.has('position'));
  if (placed.length === 0) return;
  for (const { element } of commands) {
    if (element.attributes.has('position')) continue;
    problems.add(
      element.at,
      'this command has no position, but other commands have one: give a position to every command or to none',
    );
  }
  const seen = new Map<number, string>();
  for (const { element, command } of placed) {
    const { position, name } = command;
    if (position === undefined) continue;
    const at = element.attributes.get('position')?.at ?? element.at;
    const other = seen.get(position);
    if (other !== undefined) {
      problems.add(
        at,
        `position ${position} is already used by command ${JSON.stringify(other)}: number the commands from 1 to ${commands.length}`,
      );
    } else if (position < 1 || position > commands.length) {
      problems.add(
        at,
        `position ${position} is not possible: number the commands from 1 to ${commands.length}, without a gap`,
      );
    }
    seen.set(position, name);
  }
}
