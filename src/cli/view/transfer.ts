import { createLogUpdate } from 'log-update';
import type { Io } from '../io.js';
import { clip, formatBar } from './text.js';

/** Shows how far a transfer of bytes is, on standard error. */
export interface TransferView {
  show(bytes: number): void;
  /** Removes the picture from the terminal. */
  close(): void;
}

/** Milliseconds between two pictures. */
const PACE = 100;
/** Without a terminal there is a line for each step of so many percent. */
const STEP = 10;

/** Creates the view of a transfer. `size`: all bytes; null when their number is not known. */
export function createTransferView(io: Pick<Io, 'terminal' | 'err'>, title: string, size: number | null): TransferView {
  const percentOf = (bytes: number): number => (size === null || size === 0 ? 0 : Math.floor((bytes / size) * 100));
  const { terminal } = io;
  let last = 0;
  if (terminal === undefined) {
    return {
      show(bytes) {
        const percent = percentOf(bytes);
        if (percent < last + STEP) return;
        last = percent - (percent % STEP);
        io.err(`${title}: ${last} %\n`);
      },
      close: () => undefined,
    };
  }
  const update = createLogUpdate(terminal);
  return {
    show(bytes) {
      if (Date.now() - last < PACE) return;
      last = Date.now();
      const percent = size === null ? '' : `${formatBar(percentOf(bytes), 20)} ${percentOf(bytes)} %  `;
      update(clip(`${percent}${formatBytes(bytes)}  ${title}`, terminal.columns || 80));
    },
    close() {
      update.clear();
      update.done();
    },
  };
}

/** Formats a number of bytes: 512 B, 1.4 GiB. */
function formatBytes(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  const power = Math.min(units.length - 1, Math.floor(Math.log2(Math.max(1, bytes)) / 10));
  const value = bytes / 1024 ** power;
  return `${power === 0 ? value : value.toFixed(1)} ${units[power]}`;
}
