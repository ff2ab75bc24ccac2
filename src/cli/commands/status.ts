import pico from 'picocolors';
import {
  fetchProgress,
  findEndedBuild,
  findForgottenBuild,
  workflowPageUrl,
  type BuildProgress,
  type EndedBuild,
  type ImageFactoryClient,
  type ImageRecord,
} from '../../client/index.js';
import { commandsForEnded, commandsForHeld } from '../../domain/status.js';
import { wantsColour } from '../io.js';
import { formatJson } from '../output.js';
import { formatEndedBuild } from '../view/ended-without-image.js';
import { renderView } from '../view/render.js';
import { UUID_POSITIONAL, withBuild, type Command, type CommandContext } from './command.js';
import { formatImages } from './images.js';

export const status: Command = {
  usage: 'status <uuid>',
  summary: 'show the present state of a build',
  positionals: UUID_POSITIONAL,
  examples: [['$0 --output json status bdd32b97-0e94-473a-b376-74d2da289a2c', 'print the state as JSON, for a script']],
  run: runStatus,
};

async function runStatus(context: CommandContext): Promise<number> {
  return withBuild(context, async (client, uuid) => {
    try {
      const progress = await fetchProgress(client, uuid);
      showBuild(context, client, progress, await findEndedBuild(client, progress));
    } catch (error) {
      showImage(context, await findForgottenBuild(client, uuid, error));
    }
    return 0;
  });
}

function showBuild(
  { io, settings }: CommandContext,
  client: ImageFactoryClient,
  progress: BuildProgress,
  ended: EndedBuild | undefined,
): void {
  const page = workflowPageUrl(client, progress.workflowId);
  if (settings.output === 'json') {
    io.out(formatJson(toStatusDocument(progress, page, ended)));
    return;
  }
  const columns = io.outIsTerminal ? process.stdout.columns || 80 : 120;
  const colours = pico.createColors(wantsColour(io.env, io.outIsTerminal));
  io.outExact(renderView(progress, { columns, rows: Infinity, colours, taskQueue: client.taskQueue, page }) + '\n');
  if (ended !== undefined) io.out(`\n${formatEndedBuild(progress.uuid, ended).join('\n')}\n`);
}

/** Shows an image whose build Temporal has forgotten, in the format of the command `images`. */
export function showImage({ io, settings }: CommandContext, image: ImageRecord): void {
  io.out(settings.output === 'json' ? formatJson(image) : formatImages([image]));
}

/** Makes the JSON document of a build: the fields of its status, and the state of its workflow in Temporal. */
function toStatusDocument(
  progress: BuildProgress,
  page: string | undefined,
  ended: EndedBuild | undefined,
): Record<string, unknown> {
  const { status: known, workflowId, execution, activities, jeos, workers } = progress;
  return {
    ...(known ?? { uuid: progress.uuid, type: 'base_image' }),
    ...describeEnd(progress, ended),
    workflowId,
    execution,
    activities,
    jeos,
    workers,
    page,
    commands: listCommands(progress, ended),
  };
}

/**
 * Describes the end of a build without an image. If the build itself has not reported its end, its status is FAILED.
 */
function describeEnd({ status }: BuildProgress, ended: EndedBuild | undefined): Record<string, unknown> {
  if (ended === undefined) return {};
  const { failure, resumePoint } = ended;
  const state = status?.endedAt === undefined ? 'FAILED' : status.status;
  return { status: state, failure, resumes: typeof resumePoint === 'string' ? { unknown: resumePoint } : resumePoint };
}

function listCommands({ uuid, status, execution }: BuildProgress, ended: EndedBuild | undefined): string[] {
  const held = status?.held;
  if (ended !== undefined) return commandsForEnded(uuid, execution, ended.resumePoint).map(([command]) => command);
  if (held !== undefined) return commandsForHeld(uuid, held).map(([command]) => command);
  return execution === 'COMPLETED' ? [] : [`imagefactory watch ${uuid}`, `imagefactory cancel ${uuid}`];
}
