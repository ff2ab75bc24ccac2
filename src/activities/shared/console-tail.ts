const TAIL_LINES = 25;

/** The status line that Debian's installer keeps redrawing on a serial console: which window, what time. */
const SCREEN_STATUS = /\[[^\]]*\(\d?-?\*?\d?\*?-?[a-z]*\)[^\]]*\]\s*\[[^\]]*\]/g;

/**
 * Control sequences of a terminal. Nova takes the escape character out of what it hands on, so that only the form is left: a
 * letter without a number before it belongs to a word where another letter follows.
 */
const CONTROL_SEQUENCES = /\x1b\[[0-9;?]*[A-Za-z]|\[(?:\d[\d;]*[A-DHJKm]|[HJKMm](?![A-Za-z]))/g;

/** The end of the console as text for people: no control characters, no empty lines. */
export function formatConsoleTail(console: string, lines = TAIL_LINES): string {
  return console
    .replace(CONTROL_SEQUENCES, '')
    .replace(/\r(?!\n)/g, '\n')
    .replace(/[^\x20-\x7e\n\u00a0-\uffff]/g, '')
    .replace(SCREEN_STATUS, '')
    .split('\n')
    .filter((line) => line.trim() !== '')
    .slice(-lines)
    .map((line) => line.slice(0, 200))
    .join('\n');
}
