/*
 * Guests, templates and clouds write texts that we show to people. Such a text must not control a terminal, and must
 * not look like a line of ours.
 */

/** An escape sequence of a terminal with its parameters, and a string for the terminal, such as a window's title. */
const SEQUENCE =
  /(?:\u001b\[|\u009b)[0-?]*[ -/]*[@-~]|(?:\u001b[\]PX^_]|[\u0090\u0098\u009d-\u009f])[^\u0007\u001b\u0090-\u009f]*(?:\u0007|\u001b\\|\u009c)|\u001b[ -/]*[0-Z\\^-~]/g;
/** Characters that change the order in which a terminal shows the others (Unicode's bidirectional controls). */
const REORDERING = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;
/** Other control characters, and the line ends that only some programs know. */
const CONTROL = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u2028\u2029]/g;

/** Removes everything from a text that controls a terminal. Keeps the line ends and the tabs. */
export function toPlainText(text: string): string {
  return text.replace(/\r\n/g, '\n').replace(SEQUENCE, '').replace(REORDERING, '').replace(CONTROL, ' ');
}

/** Makes one plain line of a text. */
export function toPlainLine(text: string): string {
  return toPlainText(text)
    .replace(/[\t\n ]+/g, ' ')
    .trim();
}

/** Makes a plain text whose lines, from the second on, are indented: so none of them looks like a line of ours. */
export function indentNextLines(text: string): string {
  return toPlainText(text).trim().replace(/\n/g, '\n  ');
}
