import { createLogUpdate } from 'log-update';
import pico from 'picocolors';
import { workflowPage, type ImageFactoryClient } from '../../client/connection.js';
import { wantsColour, type Io } from '../io.js';
import type { Observation } from '../../client/watch.js';
import { ChangeLines } from './lines.js';
import { renderView } from './render.js';

/** Shows a build while it runs, on standard error. */
export interface View {
  show(seen: Observation): void;
  /** Leaves the last picture where it is. */
  close(): void;
}

export interface ViewOptions {
  factory: ImageFactoryClient;
  verbose: boolean;
}

/** A picture that is redrawn where there is a terminal, one line a change where there is none. */
export function createView(io: Io, options: ViewOptions): View {
  return io.terminal === undefined ? lineView(io, options) : liveView(io, io.terminal, options);
}

function lineView(io: Io, { factory, verbose }: ViewOptions): View {
  const lines = new ChangeLines(factory.taskQueue, verbose);
  return {
    show: (seen) => lines.changes(seen).forEach((line) => io.err(line + '\n')),
    close: () => undefined,
  };
}

function liveView(io: Io, terminal: NodeJS.WriteStream, { factory }: ViewOptions): View {
  const update = createLogUpdate(terminal);
  const colours = pico.createColors(wantsColour(io.env, true));
  let last: Observation | undefined;
  const picture = (seen: Observation, rows: number, footer?: string): string =>
    renderView(seen, {
      columns: terminal.columns || 80,
      rows,
      colours,
      taskQueue: factory.taskQueue,
      page: workflowPage(factory, seen.workflowId),
      footer,
    });
  const draw = (): void => {
    if (last !== undefined) update(picture(last, terminal.rows || 24, 'Ctrl-C leaves the view; the build goes on'));
  };
  terminal.on('resize', draw);
  return {
    show(seen) {
      last = seen;
      draw();
    },
    close() {
      terminal.off('resize', draw);
      update.clear();
      update.done();
      // The last picture stays, with all its steps.
      if (last !== undefined) terminal.write(picture(last, Infinity) + '\n');
    },
  };
}
