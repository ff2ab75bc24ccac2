import pico from 'picocolors';
import { commandsForHeld, commandsForEnded } from '../../domain/status.js';
import { workflowPage, type ImageFactoryClient } from '../../client/connection.js';
import { endedBuild, type EndedBuild } from '../../client/ended-build.js';
import { imageFromRecord, type ImageMetadata } from '../../client/images.js';
import { wantsColour } from '../io.js';
import { BuildWatcher, type Observation } from '../../client/watch.js';
import { callTemporal } from '../../client/temporal-errors.js';
import { jsonDocument } from '../output.js';
import { endedLines } from '../view/ended.js';
import { renderView } from '../view/render.js';
import { imagesText } from './images.js';
import { UUID_POSITIONAL, parseUuidArgument, withClient, type Command, type CommandContext } from './command.js';

export const status: Command = {
  usage: 'status <uuid>',
  summary: 'show once where a build is',
  positionals: UUID_POSITIONAL,
  examples: [['$0 --output json status bdd32b97-0e94-473a-b376-74d2da289a2c', 'the same for a script']],
  run: runStatus,
};

async function runStatus(context: CommandContext): Promise<number> {
  const uuid = parseUuidArgument(context);
  return withClient(context, async (factory) => {
    try {
      const seen = await callTemporal(() => new BuildWatcher(factory, uuid).look(), uuid);
      show(context, factory, seen, await callTemporal(() => endedBuild(factory, seen)));
    } catch (error) {
      showImage(context, await imageFromRecord(factory, uuid, error));
    }
    return 0;
  });
}

function show(
  { io, settings }: CommandContext,
  factory: ImageFactoryClient,
  seen: Observation,
  ended: EndedBuild | undefined,
): void {
  const page = workflowPage(factory, seen.workflowId);
  if (settings.output === 'json') {
    io.out(jsonDocument(document(seen, page, ended)));
    return;
  }
  const columns = io.outIsTerminal ? process.stdout.columns || 80 : 120;
  const colours = pico.createColors(wantsColour(io.env, io.outIsTerminal));
  io.out(renderView(seen, { columns, rows: Infinity, colours, taskQueue: factory.taskQueue, page }) + '\n');
  if (ended !== undefined) io.out(`\n${endedLines(seen.uuid, ended).join('\n')}\n`);
}

/** Shows an image that Temporal no longer knows as `images` does. */
export function showImage({ io, settings }: CommandContext, image: ImageMetadata): void {
  io.out(settings.output === 'json' ? jsonDocument(image) : imagesText([image]));
}

/** The build's status, flat, with what Temporal knows about it beside. */
function document(seen: Observation, page: string | undefined, ended: EndedBuild | undefined): Record<string, unknown> {
  const { status: known, workflowId, execution, activities, jeos, workers } = seen;
  return {
    ...(known ?? { uuid: seen.uuid, type: 'base_image' }),
    ...describeEnd(seen, ended),
    workflowId,
    execution,
    activities,
    jeos,
    workers,
    page,
    commands: possibleCommands(seen, ended),
  };
}

/** What a build cannot say of itself: that somebody has terminated it. */
function describeEnd({ status }: Observation, ended: EndedBuild | undefined): Record<string, unknown> {
  if (ended === undefined) return {};
  const { failure, remains } = ended;
  const state = status?.endedAt === undefined ? 'FAILED' : status.status;
  return { status: state, failure, resumes: typeof remains === 'string' ? { unknown: remains } : remains };
}

function possibleCommands({ uuid, status, execution }: Observation, ended: EndedBuild | undefined): string[] {
  const held = status?.held;
  if (ended !== undefined) return commandsForEnded(uuid, execution, ended.remains).map(([command]) => command);
  if (held !== undefined) return commandsForHeld(uuid, held).map(([command]) => command);
  return execution === 'COMPLETED' ? [] : [`imagefactory watch ${uuid}`, `imagefactory cancel ${uuid}`];
}
