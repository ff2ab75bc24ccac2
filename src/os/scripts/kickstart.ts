import type { Problem } from '../../tdl/types.js';

/** Commands that say what becomes of the machine at the end; the last one counts. */
const ENDINGS = ['poweroff', 'shutdown', 'halt', 'reboot'];
/** Those that power it off. `halt` stops the system and leaves the machine on. */
const POWER_OFF = ['poweroff', 'shutdown'];

const NOT_A_SECTION = ['%end', '%include', '%ksappend'];

/**
 * Whether a kickstart file ends by powering the machine off. Only commands count: what stands in a section (`%packages`,
 * `%pre`, `%post` …) up to its `%end`, or up to the next section in files that have no `%end`, is none.
 */
export function checkKickstart(text: string): Problem[] {
  const lines = text.split(/\r?\n/);
  let section = false;
  let firstSection: number | undefined;
  let ending: { line: number; column: number; command: string } | undefined;
  lines.forEach((line, index) => {
    const word = /^\s*(\S+)/.exec(line)?.[1]?.toLowerCase() ?? '';
    if (word.startsWith('%') && !NOT_A_SECTION.includes(word)) {
      section = true;
      firstSection ??= index + 1;
    } else if (word === '%end') {
      section = false;
    } else if (!section && ENDINGS.includes(word)) {
      ending = { line: index + 1, column: line.search(/\S/) + 1, command: word };
    }
  });
  if (ending !== undefined && POWER_OFF.includes(ending.command)) return [];
  if (ending !== undefined) {
    const { line, column, command } = ending;
    const why =
      command === 'halt' ? 'leaves the machine on' : 'starts the machine again, which would install once more';
    return [{ line, column, message: `"${command}" ${why}: write the line "poweroff" in its place` }];
  }
  const line = firstSection ?? lengthOf(lines) + 1;
  const where =
    firstSection === undefined ? `at the end, as line ${line}` : `above line ${line}, where the first section begins`;
  return [
    {
      line,
      column: 1,
      message: `the installation does not end by powering the machine off: add the line "poweroff" ${where}`,
    },
  ];
}

/** Lines of a text, without the empty one after the last line feed. */
export function lengthOf(lines: readonly string[]): number {
  return lines.at(-1) === '' ? lines.length - 1 : lines.length;
}
