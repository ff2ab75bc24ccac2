import { findLineage, type LineageDirection } from '../../client/index.js';
import { formatDocument } from '../documents.js';
import { formatWarning } from '../output.js';
import { UsageError } from '../errors.js';
import { formatDot, formatLineage } from '../view/lineage.js';
import { UUID_POSITIONAL, withBuild, type Command, type CommandContext } from './command.js';

const EXAMPLE = 'bdd32b97-0e94-473a-b376-74d2da289a2c';

export const lineage: Command = {
  usage: 'lineage <uuid>',
  summary: 'show from what an image was made, and what was made from it',
  positionals: UUID_POSITIONAL,
  options: {
    up: { type: 'boolean', describe: 'only the image and those that it was made from' },
    down: { type: 'boolean', describe: 'only the image and those that were made from it' },
    // yargs adds these choices to those of the global option.
    output: { choices: ['dot'], describe: 'log, json, or dot: a graph for Graphviz' },
  },
  examples: [
    [`$0 lineage ${EXAMPLE}`, 'a base image with its target images, and what it was made from'],
    [`$0 lineage ${EXAMPLE} --down --output dot | dot -Tsvg > lineage.svg`, 'draw a picture with Graphviz'],
    [`$0 --output json lineage ${EXAMPLE}`, 'the same with whole digests, for a script'],
  ],
  run: runLineage,
};

function runLineage(context: CommandContext): Promise<number> {
  const { io, options, settings } = context;
  if (options['up'] === true && options['down'] === true) {
    throw new UsageError('--up and --down exclude each other', { hint: 'without both, the command shows both' });
  }
  const direction: LineageDirection = options['up'] === true ? 'up' : options['down'] === true ? 'down' : 'both';
  return withBuild(
    context,
    async (client, uuid) => {
      const found = await findLineage(client, uuid, direction);
      if (settings.output === 'json') io.out(formatDocument('lineage', found));
      else if (settings.output === 'dot') {
        io.out(formatDot(found));
        for (const problem of found.problems) io.err(formatWarning(problem));
      } else io.out(formatLineage(found));
      return 0;
    },
    { forgotten: true },
  );
}
