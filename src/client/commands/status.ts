import pico from 'picocolors';
import { workflowPage } from '../connection.js';
import { wantsColour } from '../io.js';
import { BuildWatcher, type Observation } from '../observe.js';
import { asked } from '../builds.js';
import { jsonDocument } from '../output.js';
import { renderView } from '../view/render.js';
import { UUID_POSITIONAL, uuidOf, withFactory, type Command, type CommandContext } from './command.js';

export const status: Command = {
  usage: 'status <uuid>',
  summary: 'show once where a build is',
  positionals: UUID_POSITIONAL,
  examples: [['$0 --output json status bdd32b97-0e94-473a-b376-74d2da289a2c', 'the same for a script']],
  run: runStatus,
};

async function runStatus(context: CommandContext): Promise<number> {
  const uuid = uuidOf(context);
  return withFactory(context, async (factory) => {
    const seen = await asked(() => new BuildWatcher(factory, uuid).look(), uuid);
    const page = workflowPage(factory, seen.workflowId);
    if (context.settings.output === 'json') {
      context.io.out(jsonDocument(document(seen, page)));
      return 0;
    }
    const columns = context.io.outIsTerminal ? process.stdout.columns || 80 : 200;
    const colours = pico.createColors(wantsColour(context.io.env, context.io.outIsTerminal));
    const options = {
      columns,
      rows: Infinity,
      colours,
      taskQueue: factory.taskQueue,
      ...(page === undefined ? {} : { page }),
    };
    context.io.out(renderView(seen, options) + '\n');
    if (seen.status?.failure?.hint !== undefined) context.io.err(`What to do: ${seen.status.failure.hint}\n`);
    return 0;
  });
}

/** The build's status, flat, with what Temporal knows about it beside. */
function document(seen: Observation, page: string | undefined): Record<string, unknown> {
  const { status: known, workflowId, execution, activities, jeos, workers } = seen;
  return {
    ...(known ?? { uuid: seen.uuid, type: 'base_image' }),
    workflowId,
    execution,
    activities,
    jeos,
    workers,
    page,
  };
}
