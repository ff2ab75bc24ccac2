import { LIMITS } from './limits.js';
import type { Problem } from './types.js';

/**
 * Maximum length of a message, in characters. We cut longer messages, because a message may quote a long part of the
 * document.
 */
const LONGEST_MESSAGE = 400;

/** Collects the mistakes in a text, each with its place. */
export class Problems {
  private readonly found: { index: number; message: string }[] = [];

  constructor(private readonly text: string) {}

  /** Adds a mistake at an offset of the text. */
  add(index: number, message: string): void {
    if (this.found.length >= LIMITS.problems) return;
    const whole = message.length <= LONGEST_MESSAGE ? message : `${message.slice(0, LONGEST_MESSAGE)} …`;
    this.found.push({ index, message: whole });
  }

  get any(): boolean {
    return this.found.length > 0;
  }

  /** Lists the mistakes in the order of the text, with lines and columns. */
  list(): Problem[] {
    return [...this.found]
      .sort((a, b) => a.index - b.index)
      .map(({ index, message }) => ({ ...findPosition(this.text, index), message }));
  }
}

/**
 * Converts an offset in a text whose lines end in `\n` to line and column, which count from 1. Columns count UTF-16
 * units, as editors do.
 */
export function findPosition(text: string, index: number): { line: number; column: number } {
  const before = text.slice(0, index);
  const lineStart = before.lastIndexOf('\n') + 1;
  return { line: before.split('\n').length, column: index - lineStart + 1 };
}
