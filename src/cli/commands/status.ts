import pico from 'picocolors';
import {
  BuildNotFoundError,
  fetchProgress,
  findDeletion,
  findEndedBuild,
  findForgottenBuild,
  getWorkflowId,
  workflowPageUrl,
  type BuildProgress,
  type EndedBuild,
  type ImageDeletion,
  type ImageFactoryClient,
  type ImageKind,
  type ImageRecord,
  type ImageStatus,
  type WorkflowProgress,
} from '../../client/index.js';
import { findRecordedKind, readKind, workflowIdFor } from '../../domain/image-kinds.js';
import { commandsForEnded, commandsForHeld } from '../../domain/status.js';
import { wantsColour } from '../io.js';
import { formatDocument, toDeletionDocument, type ResultDocument } from '../documents.js';
import { formatDeletion } from '../view/deletion.js';
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
      const deletion =
        progress.endedAt === undefined ? undefined : await findDeletion(client, uuid, progress.startedAt);
      const ended = deletion === undefined ? await findEndedBuild(client, progress) : undefined;
      showBuild(context, client, progress, { ended, deletion });
    } catch (error) {
      if (!(error instanceof BuildNotFoundError)) throw error;
      const deletion = await findDeletion(client, uuid);
      if (deletion !== undefined) showDeleted(context, uuid, deletion);
      else showForgotten(context, await findForgottenBuild(client, uuid, error));
    }
    return 0;
  });
}

/** The end of a build that has no image, or no longer has one. */
interface BuildEnd {
  ended: EndedBuild | undefined;
  deletion: ImageDeletion | undefined;
}

function showBuild(
  { io, settings }: CommandContext,
  client: ImageFactoryClient,
  progress: BuildProgress,
  { ended, deletion }: BuildEnd,
): void {
  const page = workflowPageUrl(client, progress.workflowId);
  if (settings.output === 'json') {
    io.out(formatDocument('status', toStatusDocument(progress, page, { ended, deletion })));
    return;
  }
  const columns = io.outIsTerminal ? process.stdout.columns || 80 : 120;
  const colours = pico.createColors(wantsColour(io.env, io.outIsTerminal));
  io.outExact(renderView(progress, { columns, rows: Infinity, colours, taskQueue: client.taskQueue, page }) + '\n');
  if (ended !== undefined) io.out(`\n${formatEndedBuild(identifyBuild(progress), ended).join('\n')}\n`);
  if (deletion !== undefined) io.out(`\n${formatDeletion(progress.uuid, deletion)}`);
}

/** Shows a deleted image whose build Temporal has forgotten. */
function showDeleted({ io, settings }: CommandContext, uuid: string, deletion: ImageDeletion): void {
  const document: ResultDocument<'status'> = {
    identifier: uuid,
    type: 'base_image',
    status: 'DELETED',
    workflow_id: getWorkflowId(uuid),
    execution: null,
    activities: [],
    commands: [],
    deleted: toDeletionDocument(deletion),
  };
  io.out(settings.output === 'json' ? formatDocument('status', document) : formatDeletion(uuid, deletion));
}

/** Shows an image whose build Temporal has forgotten, from its record. */
function showForgotten({ io, settings }: CommandContext, image: ImageRecord): void {
  io.out(settings.output === 'json' ? formatDocument('status', toForgottenDocument(image)) : formatImages([image]));
}

function toForgottenDocument(image: ImageRecord): ResultDocument<'status'> {
  const { identifier, status = 'FAILED', status_detail: detail, percent_complete: percent, name, os, cloud } = image;
  const message = detail?.error ?? undefined;
  return {
    identifier,
    type: findRecordedKind(image.type),
    status,
    workflow_id: workflowIdFor(findRecordedKind(image.type), identifier),
    execution: null,
    activities: [],
    commands:
      status === 'COMPLETE'
        ? []
        : [
            `imagefactory resume ${identifier}${image.type === undefined || image.type === 'BaseImage' ? ' --template FILE' : ''}`,
          ],
    percent,
    name,
    os: os === undefined ? undefined : `${os.name} ${os.version} ${os.arch}`,
    cloud,
    // The record keeps the message of the failure only.
    failure: message === undefined ? undefined : { type: 'Internal', step: '', message },
  };
}

/** Makes the JSON document of a build: the fields of its status, and the state of its workflow in Temporal. */
function toStatusDocument(
  progress: BuildProgress,
  page: string | undefined,
  { ended, deletion }: BuildEnd,
): ResultDocument<'status'> {
  const { jeos, preparation, workers } = progress;
  return {
    ...toWorkflowDocument(progress, progress.uuid),
    ...describeEnd(progress, ended),
    ...(deletion === undefined ? {} : { status: 'DELETED', deleted: toDeletionDocument(deletion) }),
    jeos: jeos === undefined ? undefined : toWorkflowDocument(jeos, jeos.status?.uuid ?? progress.uuid, 'jeos_image'),
    preparation:
      preparation === undefined ? undefined : toWorkflowDocument(preparation, progress.uuid, 'prepared_image'),
    workers,
    page,
    commands: deletion === undefined ? listCommands(progress, ended) : [],
  };
}

/** The status of a build whose own status no worker can tell, by Temporal's word for the state of its workflow. */
const STATUS_OF: Readonly<Record<string, ImageStatus>> = {
  RUNNING: 'BUILDING',
  PAUSED: 'BUILDING',
  COMPLETED: 'COMPLETE',
  CANCELLED: 'CANCELED',
};

type WorkflowDocument = NonNullable<ResultDocument<'status'>['jeos']>;

function toWorkflowDocument(
  { status: known, workflowId, execution, activities }: WorkflowProgress,
  identifier: string,
  type: ImageKind = readKind(workflowId) ?? 'base_image',
): WorkflowDocument {
  const { uuid, ...reported } = known ?? { uuid: identifier, type, status: STATUS_OF[execution] ?? 'FAILED' };
  return { identifier: uuid, ...reported, workflow_id: workflowId, execution, activities };
}

/**
 * Describes the end of a build without an image. If the build itself has not reported its end, its status is FAILED.
 */
function describeEnd(
  { status }: BuildProgress,
  ended: EndedBuild | undefined,
): Pick<ResultDocument<'status'>, 'failure' | 'resumes'> & { status?: ImageStatus } {
  if (ended === undefined) return {};
  const { failure, resumePoint } = ended;
  const state = status?.endedAt === undefined ? 'FAILED' : status.status;
  return { status: state, failure, resumes: typeof resumePoint === 'string' ? { unknown: resumePoint } : resumePoint };
}

function listCommands(progress: BuildProgress, ended: EndedBuild | undefined): string[] {
  const { uuid, status, execution } = progress;
  const build = identifyBuild(progress);
  if (ended !== undefined) return commandsForEnded(build, execution, ended.resumePoint).map(([command]) => command);
  if (status?.held !== undefined) return commandsForHeld(build, status.held).map(([command]) => command);
  return execution === 'COMPLETED' ? [] : [`imagefactory watch ${uuid}`, `imagefactory cancel ${uuid}`];
}

/** Says which build it is, and of which kind. Works without a worker. */
function identifyBuild({ uuid, workflowId }: BuildProgress): { uuid: string; type: ImageKind } {
  return { uuid, type: readKind(workflowId) ?? 'base_image' };
}
