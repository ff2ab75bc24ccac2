import type { WorkflowHandle } from '@temporalio/client';
import type { Payload } from '@temporalio/common';
import { decodeFromPayloadsAtIndex } from '../codec/payloads.js';
import type { BaseImageInput } from '../domain/base-image-input.js';
import { findRecordedKind, readKind, type RecordedKind } from '../domain/image-kinds.js';
import { RESUME_UPDATE, type ResumeRequest } from '../domain/messages.js';
import { parseParameters } from '../domain/parameters.js';
import type { BuildStatus } from '../domain/status.js';
import type { ProviderImageInput } from '../domain/provider-image-input.js';
import type { TargetImageInput } from '../domain/target-image-input.js';
import type { GivenParameters } from './given-parameters.js';
import { fetchStatus, findBuildHandle, isOpen, restartBuild } from './builds.js';
import type { ImageFactoryClient } from './connection.js';
import { BuildStateError, ClientError } from './errors.js';
import { findForgottenBuild, type ImageRecord } from './images.js';
import { resumeProviderImage } from './resume-provider.js';
import { resumeTargetImage } from './resume-target.js';
import { callTemporal, executeUpdate } from './temporal-errors.js';
import { readTemplate, type TextSource } from './text-source.js';
import { callWorker } from './workers.js';

/** How to resume a build: what changes, and at which point the build continues. */
export interface ResumeOptions {
  /** A corrected template. It must contain the commands that have already run, without a change. */
  template?: TextSource | undefined;
  /** Parameters to change. The others keep their values. */
  parameters?: GivenParameters | undefined;
  /** Leaves out the step that failed. Only for a held build. Default false. */
  skip?: boolean | undefined;
  /**
   * The point from which the build repeats its work, although the results exist: `jeos`, `customise`, or the name of a
   * step. Only for an ended build.
   */
  from?: string | undefined;
}

/** The changes that are sent to a build. */
type BuildChange = Pick<ResumeRequest, 'template' | 'templateName' | 'parameters'>;

/** Milliseconds that a held build may take to check a change. */
const CHECK_TIMEOUT = 300_000;
/** Milliseconds that fetching a build's history may take. */
const HISTORY_TIMEOUT = 60_000;

/**
 * Resumes a build. A held build tries its failed step again. A build that ended without an image starts again under the
 * same UUID, from the last of its resources that still exists.
 *
 * @example
 * await resumeBuild(client, uuid, { template: { file: 'corrected.tdl' } });
 *
 * @returns a sentence that says what the build does now
 * @throws BuildNotFoundError when neither Temporal nor the store has the build
 * @throws BuildStateError when there is nothing to resume, or when a change affects a step that has already run
 * @throws UnreadableFileError, InvalidFilesError, FactoryError in the same cases as {@link startBuild}
 */
export async function resumeBuild(
  client: ImageFactoryClient,
  uuid: string,
  options: ResumeOptions = {},
): Promise<string> {
  const change = readChange(options);
  const handle = await findBuildHandle(client, uuid);
  const found = await findBuild(client, handle, uuid);
  if (typeof found === 'string' && isOpen(found)) return resumeHeld(client, handle, uuid, change, options);
  if (found === 'COMPLETED' || (typeof found !== 'string' && found.status === 'COMPLETE')) {
    throw new BuildStateError(uuid, `build ${uuid} has an image: there is nothing to resume`);
  }
  if (options.skip === true) {
    throw new BuildStateError(uuid, `build ${uuid} has ended: only a step of a held build can be skipped`, {
      hint: 'give a template without that step instead: --template FILE',
    });
  }
  if (isKind('target_image', handle, found)) {
    const from = typeof found === 'string' ? await readInput<TargetImageInput>(client, handle, uuid) : found;
    return resumeTargetImage(client, from, change, options.from);
  }
  if (isKind('provider_image', handle, found)) {
    const from = typeof found === 'string' ? await readInput<ProviderImageInput>(client, handle, uuid) : found;
    return resumeProviderImage(client, from, change, options.from);
  }
  const input =
    typeof found === 'string'
      ? await readInput<BaseImageInput>(client, handle, uuid)
      : inputFromRecord(found, uuid, change);
  if ('boots' in input) {
    throw new BuildStateError(uuid, `build ${uuid} is an import, which cannot be resumed`, {
      hint: `import the disk again: imagefactory import_base_image ${input.templateName}`,
    });
  }
  await restartBuild(client, applyChange(input, change), options.from);
  return `build ${uuid} is started again, and continues from the resources that are left of it`;
}

/** Checks whether a build, or the record of a build that Temporal has forgotten, is that of an image of this kind. */
function isKind(kind: RecordedKind, { workflowId }: WorkflowHandle, found: string | ImageRecord): boolean {
  return (typeof found === 'string' ? readKind(workflowId) : findRecordedKind(found.type)) === kind;
}

function readChange({ template, parameters }: ResumeOptions): BuildChange {
  const change: BuildChange = {};
  if (template !== undefined) {
    change.template = readTemplate(template).text;
    // If the new template has no name, the build keeps the name of its first template.
    const name = 'file' in template ? template.file : template.name;
    if (name !== undefined) change.templateName = name;
  }
  if (parameters !== undefined && Object.keys(parameters).length > 0) change.parameters = parameters;
  return change;
}

/**
 * Finds the name of the build's state in Temporal. If Temporal has forgotten the build, finds the build's record
 * instead.
 */
async function findBuild(
  client: ImageFactoryClient,
  handle: WorkflowHandle,
  uuid: string,
): Promise<string | ImageRecord> {
  try {
    return (await callTemporal(() => client.withTimeout(() => handle.describe()), uuid)).status.name;
  } catch (error) {
    return findForgottenBuild(client, uuid, error);
  }
}

/**
 * Ends a held build: the build removes its resources from the cloud, and ends as FAILED.
 *
 * @throws BuildStateError when the build is not held
 */
export async function abortBuild(client: ImageFactoryClient, uuid: string): Promise<void> {
  await requireHeld(client, uuid);
  await updateHeld(client, await findBuildHandle(client, uuid), uuid, { action: 'abort' });
}

async function resumeHeld(
  client: ImageFactoryClient,
  handle: WorkflowHandle,
  uuid: string,
  change: BuildChange,
  { skip, from }: ResumeOptions,
): Promise<string> {
  await requireHeld(client, uuid);
  if (from !== undefined) {
    throw new BuildStateError(
      uuid,
      `build ${uuid} is held: it can only continue at the step that failed, not at ${from}`,
      {
        hint: `end the build with imagefactory abort ${uuid}, then resume it with --from`,
      },
    );
  }
  return updateHeld(client, handle, uuid, { action: skip === true ? 'skip' : 'retry', ...change });
}

/** Fetches the status of a held build. @throws BuildStateError when the build is not held */
export async function requireHeld(client: ImageFactoryClient, uuid: string): Promise<BuildStatus> {
  const status = await fetchStatus(client, uuid);
  if (status.held !== undefined) return status;
  throw new BuildStateError(uuid, `build ${uuid} is not held: it is ${status.status}, in phase ${status.phase}`, {
    hint: `imagefactory watch ${uuid} shows the build; imagefactory cancel ${uuid} ends it`,
  });
}

function updateHeld(
  client: ImageFactoryClient,
  handle: WorkflowHandle,
  uuid: string,
  request: ResumeRequest,
): Promise<string> {
  const run = (): Promise<string> => handle.executeUpdate<string, [ResumeRequest]>(RESUME_UPDATE, { args: [request] });
  return executeUpdate(() => callWorker(client, run, CHECK_TIMEOUT), uuid);
}

/** Reads a build's final input from its history: the input at the start, changed by each accepted resume request. */
export async function readInput<I extends { parameters: object }>(
  client: ImageFactoryClient,
  handle: WorkflowHandle,
  uuid: string,
): Promise<I> {
  const { events } = await callTemporal(() => client.withTimeout(() => handle.fetchHistory(), HISTORY_TIMEOUT), uuid);
  const converter = client.temporal.options.loadedDataConverter;
  const first = events?.[0]?.workflowExecutionStartedEventAttributes?.input?.payloads;
  let input = await decodeFromPayloadsAtIndex<I | undefined>(converter, 0, first);
  if (input === undefined) {
    throw new ClientError('TemporalRefused', `Temporal does not return the input that build ${uuid} was started with`);
  }
  for (const payloads of listAcceptedRequests(events ?? [])) {
    input = applyChange(input, await decodeFromPayloadsAtIndex<ResumeRequest>(converter, 0, payloads));
  }
  return input;
}

type HistoryEvents = NonNullable<Awaited<ReturnType<WorkflowHandle['fetchHistory']>>['events']>;

/** Lists the arguments of the resume requests that succeeded, in order. A rejected request has changed nothing. */
function listAcceptedRequests(events: HistoryEvents): (Payload[] | null | undefined)[] {
  const succeeded = events.flatMap(({ workflowExecutionUpdateCompletedEventAttributes: completed }) =>
    completed?.outcome?.success == null ? [] : [String(completed.acceptedEventId)],
  );
  return events.flatMap(({ eventId, workflowExecutionUpdateAcceptedEventAttributes: accepted }) => {
    const { name, args } = accepted?.acceptedRequest?.input ?? {};
    return name === RESUME_UPDATE && succeeded.includes(String(eventId)) ? [args?.payloads] : [];
  });
}

/**
 * Makes the input of a build from its record, for a build that Temporal has forgotten. The template and the install
 * script in the record have no passwords, so the caller must give both again.
 */
function inputFromRecord(record: ImageRecord, uuid: string, { template, parameters }: BuildChange): BaseImageInput {
  const needsScript = record.parameters?.['jeos'] === undefined && parameters?.['install_script'] === undefined;
  if (template === undefined || needsScript) {
    throw new BuildStateError(
      uuid,
      `Temporal has forgotten build ${uuid}, and the record of the build has no passwords`,
      {
        hint: 'give the whole input again: --template FILE --file-parameter install_script FILE',
      },
    );
  }
  const known = { ...record.parameters, ...parameters };
  return {
    uuid,
    template,
    templateName: 'template',
    parameters: parseParameters(known),
    cloud: String(record.cloud),
  };
}

function applyChange<I extends { parameters: object }>(
  input: I,
  { template, templateName, parameters }: BuildChange,
): I {
  return {
    ...input,
    ...(template === undefined ? {} : { template }),
    ...(templateName === undefined ? {} : { templateName }),
    parameters: { ...input.parameters, ...parameters },
  };
}
