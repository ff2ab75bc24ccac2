import type { WorkflowHandle } from '@temporalio/client';
import type { Payload } from '@temporalio/common';
import { decodeFromPayloadsAtIndex } from '../codec/payloads.js';
import { parseParameters } from '../domain/parameters.js';
import type { BaseImageInput } from '../domain/base-image-input.js';
import { RESUME_UPDATE, type ResumeRequest } from '../domain/messages.js';
import type { BuildStatus } from '../domain/status.js';
import { callTemporal, executeUpdate } from './temporal-errors.js';
import { buildHandle, buildStatus, restartBuild } from './builds.js';
import type { ImageFactoryClient } from './connection.js';
import { ClientError } from './errors.js';
import { imageFromRecord, type ImageMetadata } from './images.js';

/** What is to be different when a build goes on. */
export interface Change {
  /** New text of the template, and its file's name for messages. */
  template?: string;
  templateName?: string;
  /** Parameters that change. */
  parameters?: Record<string, unknown>;
}

export interface ResumeOptions extends Change {
  /** Leave the failed step out: of a held build only. */
  skip?: boolean;
  /** What is to be done anew: of an ended build only. */
  from?: string;
}

/** Milliseconds that a held build may take to check what was changed. */
const CHECK_TIMEOUT = 300_000;
/** Milliseconds that fetching a build's history may take. */
const HISTORY_TIMEOUT = 60_000;

/**
 * Lets a build go on: a held one tries its failed step again, one that has ended without an image starts again from the last
 * thing of it that still exists.
 *
 * @returns in words, what it does now
 * @throws ClientError when there is nothing to resume, or what was changed has already run
 */
export async function resumeBuild(
  factory: ImageFactoryClient,
  uuid: string,
  options: ResumeOptions = {},
): Promise<string> {
  const handle = buildHandle(factory, uuid);
  const execution = await findExecution(factory, handle, uuid);
  if (execution === 'RUNNING' || execution === 'PAUSED') return resumeHeld(factory, uuid, options);
  if (execution === 'COMPLETED') throw complete(uuid);
  if (options.skip === true) {
    throw new ClientError(`build ${uuid} has ended, so no step of it waits that could be left out`, {
      hint: 'give it a template without that step: --template FILE',
    });
  }
  const before =
    typeof execution === 'string' ? await readInput(factory, handle, uuid) : inputOfRecord(execution, uuid, options);
  await restartBuild(factory, changed(before, options), options.from);
  return `build ${uuid} is started again from what is left of it`;
}

/** Temporal's word for how the build is, or its record where Temporal has forgotten it. */
async function findExecution(
  factory: ImageFactoryClient,
  handle: WorkflowHandle,
  uuid: string,
): Promise<string | ImageMetadata> {
  try {
    return (await callTemporal(() => factory.call(() => handle.describe()), uuid)).status.name;
  } catch (error) {
    return imageFromRecord(factory, uuid, error);
  }
}

/** Gives a held build up: it removes what it has made, and ends as failed. */
export async function abortBuild(factory: ImageFactoryClient, uuid: string): Promise<void> {
  await heldStatus(factory, uuid);
  await update(factory, uuid, { action: 'abort' });
}

async function resumeHeld(factory: ImageFactoryClient, uuid: string, options: ResumeOptions): Promise<string> {
  await heldStatus(factory, uuid);
  if (options.from !== undefined) {
    throw new ClientError(`build ${uuid} is held: it goes on with the step that failed, not from ${options.from}`, {
      hint: `imagefactory abort ${uuid} ends it, and then --from is possible`,
    });
  }
  const { template, templateName, parameters, skip } = options;
  return update(factory, uuid, {
    action: skip === true ? 'skip' : 'retry',
    ...(template === undefined ? {} : { template }),
    ...(templateName === undefined ? {} : { templateName }),
    ...(parameters === undefined || Object.keys(parameters).length === 0 ? {} : { parameters }),
  });
}

/** The status of a held build. @throws ClientError when it is not held */
export async function heldStatus(factory: ImageFactoryClient, uuid: string): Promise<BuildStatus> {
  const status = await buildStatus(factory, uuid);
  if (status.held !== undefined) return status;
  throw new ClientError(`build ${uuid} is not held: it is ${status.status}, in its phase ${status.phase}`, {
    hint: `imagefactory watch ${uuid} shows it; imagefactory cancel ${uuid} ends it`,
  });
}

async function update(factory: ImageFactoryClient, uuid: string, request: ResumeRequest): Promise<string> {
  const handle = buildHandle(factory, uuid);
  const run = () => handle.executeUpdate<string, [ResumeRequest]>(RESUME_UPDATE, { args: [request] });
  return executeUpdate(() => factory.call(run, CHECK_TIMEOUT), uuid);
}

/** What the build went by at its end: what it was started with, and what it was given while it was held. */
async function readInput(factory: ImageFactoryClient, handle: WorkflowHandle, uuid: string): Promise<BaseImageInput> {
  const { events } = await callTemporal(() => factory.call(() => handle.fetchHistory(), HISTORY_TIMEOUT), uuid);
  const converter = factory.client.options.loadedDataConverter;
  const first = events?.[0]?.workflowExecutionStartedEventAttributes?.input?.payloads;
  let input = await decodeFromPayloadsAtIndex<BaseImageInput | undefined>(converter, 0, first);
  if (input === undefined) throw new ClientError(`Temporal does not tell what build ${uuid} was started with`);
  for (const payloads of takenUpdates(events ?? [])) {
    input = changed(input, await decodeFromPayloadsAtIndex<ResumeRequest>(converter, 0, payloads));
  }
  return input;
}

type HistoryEvents = NonNullable<Awaited<ReturnType<WorkflowHandle['fetchHistory']>>['events']>;

/** The arguments of the resumptions that the build has taken, in their order: one that it has refused has changed nothing. */
function takenUpdates(events: HistoryEvents): (Payload[] | null | undefined)[] {
  const done = events.flatMap(({ workflowExecutionUpdateCompletedEventAttributes: completed }) =>
    completed?.outcome?.success == null ? [] : [String(completed.acceptedEventId)],
  );
  return events.flatMap(({ eventId, workflowExecutionUpdateAcceptedEventAttributes: accepted }) => {
    const { name, args } = accepted?.acceptedRequest?.input ?? {};
    return name === RESUME_UPDATE && done.includes(String(eventId)) ? [args?.payloads] : [];
  });
}

/**
 * The same of a build that Temporal has forgotten, whose record is still there. A record's template and install script are
 * without their passwords, so both must be given again.
 */
function inputOfRecord(record: ImageMetadata, uuid: string, { template, parameters }: Change): BaseImageInput {
  if (record['status'] === 'COMPLETE') throw complete(uuid);
  if (template === undefined || parameters?.['install_script'] === undefined) {
    throw new ClientError(`Temporal has forgotten build ${uuid}, and its record is without passwords`, {
      hint: 'give the whole input again: --template FILE --file-parameter install_script FILE',
    });
  }
  const known = { ...(record['parameters'] as Record<string, unknown>), ...parameters };
  const cloud = String(record['cloud']);
  return { uuid, template, templateName: 'template', parameters: parseParameters(known), cloud };
}

function complete(uuid: string): ClientError {
  return new ClientError(`build ${uuid} has an image: there is nothing to resume`);
}

function changed(input: BaseImageInput, { template, templateName, parameters }: Change): BaseImageInput {
  return {
    ...input,
    ...(template === undefined ? {} : { template }),
    ...(templateName === undefined ? {} : { templateName }),
    parameters: { ...input.parameters, ...parameters },
  };
}
