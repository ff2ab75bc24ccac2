/*
 * Guests, templates and clouds write texts that we show to people. Such a text must not control a terminal, and must
 * not look like a line of ours.
 */

/** Matches an escape sequence with its parameters, or a string for the terminal, such as the title of its window. */
const SEQUENCE =
  /(?:\u001b\[|\u009b)[0-?]*[ -/]*[@-~]|(?:\u001b[\]PX^_]|[\u0090\u0098\u009d-\u009f])[^\u0007\u001b\u0090-\u009f]*(?:\u0007|\u001b\\|\u009c)|\u001b[ -/]*[0-Z\\^-~]/g;
/** Characters that change the order in which a terminal shows other characters (Unicode's bidirectional controls). */
const REORDERING = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;
/**
 * Other control characters except tab and line feed, and two line ends that only some programs know (U+2028, U+2029).
 */
const CONTROL = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u2028\u2029]/g;

/** Removes from a text everything that controls a terminal, except line ends and tabs. */
export function toPlainText(text: string): string {
  return text.replace(/\r\n/g, '\n').replace(SEQUENCE, '').replace(REORDERING, '').replace(CONTROL, ' ');
}

/** Converts a text to one plain line. */
export function toPlainLine(text: string): string {
  return toPlainText(text)
    .replace(/[\t\n ]+/g, ' ')
    .trim();
}

/**
 * Converts a text to plain text, and indents every line except the first. So no such line looks like a line of ours.
 */
export function indentNextLines(text: string): string {
  return toPlainText(text).trim().replace(/\n/g, '\n  ');
}
