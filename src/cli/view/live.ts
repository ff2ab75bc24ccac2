import { createLogUpdate } from 'log-update';
import pico from 'picocolors';
import { type BuildProgress, type ImageFactoryClient, workflowPageUrl } from '../../client/index.js';
import { wantsColour, type Io } from '../io.js';
import { ChangeLog } from './lines.js';
import { renderView } from './render.js';

/** Shows a build while it runs, on standard error. */
export interface View {
  show(progress: BuildProgress): void;
  /** Ends the view. The last picture stays on the terminal. */
  close(): void;
}

export interface ViewOptions {
  client: ImageFactoryClient;
  verbose: boolean;
  /** What the live view says about Ctrl-C. */
  footer?: string | undefined;
}

/** Creates a view of a build. On a terminal it redraws one picture; else it prints one line for each change. */
export function createView(io: Io, options: ViewOptions): View {
  return io.terminal === undefined ? createLineView(io, options) : createLiveView(io, io.terminal, options);
}

function createLineView(io: Io, { client, verbose }: ViewOptions): View {
  const log = new ChangeLog(client.taskQueue, verbose);
  return {
    show: (progress) => log.listChanges(progress).forEach((line) => io.err(line + '\n')),
    close: () => undefined,
  };
}

function createLiveView(io: Io, terminal: NodeJS.WriteStream, options: ViewOptions): View {
  const { client, footer = 'Ctrl-C leaves the view; the build goes on' } = options;
  const update = createLogUpdate(terminal);
  const colours = pico.createColors(wantsColour(io.env, true));
  let last: BuildProgress | undefined;
  const render = (progress: BuildProgress, rows: number, lastLine?: string): string =>
    renderView(progress, {
      columns: terminal.columns || 80,
      rows,
      colours,
      taskQueue: client.taskQueue,
      page: workflowPageUrl(client, progress.workflowId),
      footer: lastLine,
    });
  const draw = (): void => {
    if (last !== undefined) update(render(last, terminal.rows || 24, footer));
  };
  terminal.on('resize', draw);
  return {
    show(progress) {
      last = progress;
      draw();
    },
    close() {
      terminal.off('resize', draw);
      update.clear();
      update.done();
      // Prints the last picture again, with all steps, so that it stays on the terminal.
      if (last !== undefined) terminal.write(render(last, Infinity) + '\n');
    },
  };
}
