import type { Problem } from '../../tdl/types.js';
import { lengthOf } from './kickstart.js';

const ANSWER = 'd-i debian-installer/exit/poweroff boolean true';
const POWER_OFF = 'debian-installer/exit/poweroff';
/** What else says how the installer ends; without the power-off it stops the system, and leaves the machine on. */
const HALTS = ['debian-installer/exit/halt', 'debian-installer/exit/always_halt'];

/** One answer of a preseed file. */
interface Answer {
  line: number;
  question: string;
  value: string;
}

/**
 * Whether a preseed file ends by powering the machine off: by the installer's own question, the last answer to it
 * counts. A late command that does it would cut the installer off before it has finished.
 */
export function checkPreseed(text: string): Problem[] {
  const problems: Problem[] = [];
  const lines = text.split('\n');
  const carriage = lines.findIndex((line) => line.endsWith('\r'));
  if (carriage >= 0) {
    const column = lines[carriage]?.length ?? 1;
    problems.push({
      line: carriage + 1,
      column,
      message:
        'the line ends in a carriage return, which would become part of the answer: save the file with Unix line ends',
    });
  }
  const answers = answersOf(text);
  const last = (question: string): Answer | undefined =>
    answers.filter((answer) => answer.question === question).at(-1);
  const own = last(POWER_OFF);
  if (own?.value === 'true') return problems;
  if (own !== undefined) {
    problems.push({
      line: own.line,
      column: 1,
      message: `this answer leaves the machine on: write the line "${ANSWER}" in its place`,
    });
    return problems;
  }
  const halt = HALTS.map(last).find((answer) => answer?.value === 'true');
  const line = halt?.line ?? lengthOf(lines) + 1;
  const why =
    halt === undefined
      ? 'the installer would start the machine again, and install once more'
      : 'the installer stops the system and leaves the machine on';
  const where = halt === undefined ? `at the end, as line ${line}` : `below line ${line}`;
  problems.push({
    line,
    column: 1,
    message: `${why}: add the line "${ANSWER}" ${where}, for the machine must power itself off (poweroff)`,
  });
  return problems;
}

/** The answers of a file, lines that a backslash continues put together. */
function answersOf(text: string): Answer[] {
  const answers: Answer[] = [];
  let begun: { line: number; pieces: string[] } | undefined;
  text.split(/\r?\n/).forEach((raw, index) => {
    if (begun === undefined && /^\s*#/.test(raw)) return;
    const current = begun ?? { line: index + 1, pieces: [] };
    const goesOn = raw.endsWith('\\');
    current.pieces.push(goesOn ? raw.slice(0, -1) : raw);
    begun = goesOn ? current : undefined;
    if (goesOn) return;
    // The end is trimmed afterwards: an expression that looks for it tries every space on the way.
    const match = /^\s*\S+\s+(\S+)\s+\S+\s+(.*)$/s.exec(current.pieces.join(' '));
    if (match?.[1] !== undefined && match[2] !== undefined) {
      answers.push({ line: current.line, question: match[1], value: match[2].trimEnd() });
    }
  });
  return answers;
}
