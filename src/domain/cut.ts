/**
 * The mark at the place where a text was cut. It shows a reader that a part of the text is missing. It shows the masker
 * that the text beside the mark may be a part of a secret.
 */
export const CUT = '…';

/** Shortens a text to at most `most` characters by removing its end. */
export function cutEnd(text: string, most: number): string {
  return text.length <= most ? text : text.slice(0, most - CUT.length) + CUT;
}

/** Shortens a text to at most `most` characters by removing its beginning. */
export function cutStart(text: string, most: number): string {
  return text.length <= most ? text : CUT + text.slice(text.length - most + CUT.length);
}
