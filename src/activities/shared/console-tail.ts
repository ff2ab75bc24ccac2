import { cutEnd } from '../../domain/cut.js';

const TAIL_LINES = 25;

/**
 * Matches the status line, with windows and time, that Debian's installer redraws again and again on a serial console.
 */
const SCREEN_STATUS = /\[[^\]]*\(\d?-?\*?\d?\*?-?[a-z]*\)[^\]]*\]\s*\[[^\]]*\]/g;

/**
 * Matches control sequences of a terminal. Nova removes the escape character, so that only the rest of a sequence is
 * left, such as `[K`. Such a rest without a number is not a control sequence when another letter follows, because then
 * it begins a word, such as `[Kernel`.
 */
const CONTROL_SEQUENCES = /\x1b\[[0-9;?]*[A-Za-z]|\[(?:\d[\d;]*[A-DHJKm]|[HJKMm](?![A-Za-z]))/g;

/** Formats the end of a console for people, without control characters and empty lines. */
export function formatConsoleTail(console: string, lines = TAIL_LINES): string {
  return console
    .replace(CONTROL_SEQUENCES, '')
    .replace(/\r(?!\n)/g, '\n')
    .replace(/[^\x20-\x7e\n\u00a0-\uffff]/g, '')
    .replace(SCREEN_STATUS, '')
    .split('\n')
    .filter((line) => line.trim() !== '')
    .slice(-lines)
    .map((line) => cutEnd(line, 200))
    .join('\n');
}
