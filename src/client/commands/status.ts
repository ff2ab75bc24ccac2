import pico from 'picocolors';
import { workflowPage, type Factory } from '../connection.js';
import { forgottenImage, type ImageMetadata } from '../images.js';
import { wantsColour } from '../io.js';
import { BuildWatcher, type Observation } from '../observe.js';
import { asked } from '../asked.js';
import { jsonDocument } from '../output.js';
import { renderView } from '../view/render.js';
import { imagesText } from './images.js';
import { resumeText } from './follow.js';
import { UUID_POSITIONAL, uuidOf, withFactory, type Command, type CommandContext } from './command.js';

export const status: Command = {
  usage: 'status <uuid>',
  summary: 'show once where a build is',
  positionals: UUID_POSITIONAL,
  examples: [['$0 --output json status bdd32b97-0e94-473a-b376-74d2da289a2c', 'the same for a script']],
  run: runStatus,
};

/** Temporal's words for runs that can be resumed. */
const ENDED_WITHOUT_IMAGE = ['FAILED', 'CANCELLED', 'TERMINATED', 'TIMED_OUT'];

async function runStatus(context: CommandContext): Promise<number> {
  const uuid = uuidOf(context);
  return withFactory(context, async (factory) => {
    try {
      show(context, factory, await asked(() => new BuildWatcher(factory, uuid).look(), uuid));
    } catch (error) {
      showImage(context, await forgottenImage(factory, uuid, error));
    }
    return 0;
  });
}

function show({ io, settings }: CommandContext, factory: Factory, seen: Observation): void {
  const page = workflowPage(factory, seen.workflowId);
  if (settings.output === 'json') {
    io.out(jsonDocument(document(seen, page)));
    return;
  }
  const columns = io.outIsTerminal ? process.stdout.columns || 80 : 120;
  const colours = pico.createColors(wantsColour(io.env, io.outIsTerminal));
  io.out(renderView(seen, { columns, rows: Infinity, colours, taskQueue: factory.taskQueue, page }) + '\n');
  if (seen.status?.failure?.hint !== undefined) io.err(`What to do: ${seen.status.failure.hint}\n`);
  if (ENDED_WITHOUT_IMAGE.includes(seen.execution)) io.err(resumeText(seen.uuid));
}

/** Shows an image that Temporal no longer knows as `images` does. */
export function showImage({ io, settings }: CommandContext, image: ImageMetadata): void {
  io.out(settings.output === 'json' ? jsonDocument(image) : imagesText([image]));
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
