import { randomUUID } from 'node:crypto';
import { WorkflowNotFoundError, type WorkflowHandle } from '@temporalio/client';
import type { SearchAttributePair, WorkflowIdReusePolicy } from '@temporalio/common';
import type { BaseImageInput } from '../domain/base-image-input.js';
import { getWorkflowType, RECORDED_KINDS, workflowIdFor, type RecordedKind } from '../domain/image-kinds.js';
import { SET_DEADLINE_UPDATE, STATUS_QUERY, type DeadlineChange } from '../domain/messages.js';
import { SEARCH_ATTRIBUTES } from '../domain/search-attributes.js';
import { findAwaitedRun, type BuildStatus } from '../domain/status.js';
import { maskAddressPasswords } from '../os/passwords/address-passwords.js';
import type { Template } from '../tdl/types.js';
import { checkRequest, type BuildRequest } from './build-request.js';
import type { ImageFactoryClient } from './connection.js';
import { BuildStateError, ClientError } from './errors.js';
import { callTemporal } from './temporal-errors.js';
import { describeUser } from './user.js';
import { callWorker } from './workers.js';

/** Milliseconds that a build may take to answer a change of a deadline. */
const UPDATE_TIMEOUT = 30_000;

/** A build that Temporal has accepted. */
export interface StartedBuild {
  /** UUID of the build, its image and its record. */
  uuid: string;
  /** Temporal's workflow id. */
  workflowId: string;
  /** Temporal's run id. */
  runId: string;
}

/**
 * Checks a request and starts its build. Returns as soon as Temporal has accepted it, even if no worker runs.
 *
 * @example
 * const { uuid } = await startBuild(client, {
 *   template: { file: 'debian-12.tdl' },
 *   installScript: { file: 'debian-12.preseed' },
 *   parameters: { flavor: 'm1.small', request_floating_ip: true },
 * });
 *
 * @throws UnreadableFileError when a file cannot be read
 * @throws InvalidFilesError when the template or the install script has mistakes
 * @throws FactoryError `InvalidParameter`, or another type when no build can be planned
 * @throws ClientError when Temporal refuses
 */
export async function startBuild(client: ImageFactoryClient, request: BuildRequest): Promise<StartedBuild> {
  const { template, templateText, templateName, parameters, cloud } = checkRequest(request);
  const input: BaseImageInput = { uuid: randomUUID(), template: templateText, templateName, parameters, cloud };
  return startWorkflow(client, input, template, 'REJECT_DUPLICATE');
}

/**
 * Starts a build that ended without an image again, under the same UUID.
 *
 * @param from the point from which the build repeats its work: `jeos`, `customise`, or the name of a step
 * @throws the same errors as {@link startBuild}
 */
export async function restartBuild(
  client: ImageFactoryClient,
  input: BaseImageInput,
  from?: string,
): Promise<StartedBuild> {
  // `jeos` means a new installation, so the build must not reuse the JEOS of an earlier build.
  const given = from === 'jeos' ? { ...input.parameters, reuse_jeos: false } : input.parameters;
  const source = { text: input.template, name: input.templateName };
  const { template, parameters } = checkRequest({ template: source, parameters: given });
  const resumed = from === undefined ? {} : { from };
  return startWorkflow(client, { ...input, parameters, resumed }, template, 'ALLOW_DUPLICATE_FAILED_ONLY');
}

function startWorkflow(
  client: ImageFactoryClient,
  input: BaseImageInput,
  template: Template,
  reusePolicy: WorkflowIdReusePolicy,
): Promise<StartedBuild> {
  const { uuid, templateName, cloud } = input;
  const { os } = template;
  return startImageWorkflow(client, {
    kind: 'base_image',
    uuid,
    input,
    reusePolicy,
    templateName: template.name,
    summary: `base image of ${template.name}: ${os.name} ${os.version} ${os.arch}`,
    details: describeStart(input, template),
    memo: { template: templateName, cloud },
    attributes: [
      { key: SEARCH_ATTRIBUTES.os, value: os.name },
      { key: SEARCH_ATTRIBUTES.osVersion, value: os.version },
      { key: SEARCH_ATTRIBUTES.arch, value: os.arch },
    ],
  });
}

/** A workflow that makes an image, and what Temporal lists of it. */
interface ImageWorkflow {
  kind: RecordedKind;
  /** Temporal's type of the workflow. Default: that of the kind. */
  workflow?: string;
  uuid: string;
  input: object;
  reusePolicy: WorkflowIdReusePolicy;
  /** The template's name. */
  templateName: string;
  /** What the workflow makes, in one line. Only the first 190 characters are kept. */
  summary: string;
  /** The Markdown text of the workflow's page in the Temporal UI. */
  details: string;
  /** The memo, besides the user who has started the workflow. */
  memo: Record<string, unknown>;
  /** The search attributes that not every kind of image has from its start. */
  attributes?: SearchAttributePair[];
}

/** Starts the workflow of an image. Returns as soon as Temporal has accepted it. @throws ClientError */
export async function startImageWorkflow(client: ImageFactoryClient, image: ImageWorkflow): Promise<StartedBuild> {
  const {
    kind,
    workflow = getWorkflowType(image.kind),
    uuid,
    input,
    reusePolicy,
    templateName,
    summary,
    details,
    memo,
    attributes = [],
  } = image;
  const workflowId = workflowIdFor(kind, uuid);
  const handle = await callTemporal(() =>
    client.withTimeout(() =>
      client.temporal.workflow.start(workflow, {
        args: [input],
        workflowId,
        taskQueue: client.taskQueue,
        workflowIdConflictPolicy: 'FAIL',
        workflowIdReusePolicy: reusePolicy,
        staticSummary: summary.slice(0, 190),
        staticDetails: details,
        memo: { ...memo, started_by: describeUser() },
        typedSearchAttributes: [
          { key: SEARCH_ATTRIBUTES.imageType, value: kind },
          ...attributes,
          { key: SEARCH_ATTRIBUTES.template, value: templateName },
          { key: SEARCH_ATTRIBUTES.phase, value: 'plan' },
          { key: SEARCH_ATTRIBUTES.status, value: 'NEW' },
        ],
      }),
    ),
  );
  return { uuid, workflowId, runId: handle.firstExecutionRunId };
}

/** Formats the text that the workflow's page in the Temporal UI shows. */
function describeStart({ uuid, templateName, cloud, parameters }: BaseImageInput, template: Template): string {
  const { name, version, arch, install } = template.os;
  const source = install.type === 'url' ? install.url : install.iso;
  return [
    `Base image **${template.name}** (${name} ${version} ${arch}) on cloud \`${cloud}\``,
    '',
    `- UUID: \`${uuid}\``,
    `- template: \`${templateName}\``,
    parameters.jeos === undefined
      ? `- installs from: ${maskAddressPasswords(source)}`
      : `- customises: ${maskAddressPasswords(parameters.jeos)}`,
    `- started by: ${describeUser()}`,
  ].join('\n');
}

/** Returns the id of the workflow that builds a base image. */
export function getWorkflowId(uuid: string): string {
  return workflowIdFor('base_image', uuid);
}

/** Returns Temporal's handle of the workflow that builds a base image. Makes no request. */
export function getBuildHandle(client: ImageFactoryClient, uuid: string): WorkflowHandle {
  return client.temporal.workflow.getHandle(getWorkflowId(uuid));
}

/** The workflow ids of the images whose kind has been found, by UUID. */
const foundIds = new WeakMap<ImageFactoryClient, Map<string, string>>();

/**
 * Finds the id of the workflow that builds an image, whatever its kind. Returns the id of a base image when Temporal
 * has no workflow of the image, so that the next request says so.
 *
 * @throws Temporal's own errors
 */
export async function findWorkflowId(client: ImageFactoryClient, uuid: string): Promise<string> {
  const known = foundIds.get(client) ?? new Map<string, string>();
  foundIds.set(client, known);
  const found = known.get(uuid);
  if (found !== undefined) return found;
  for (const kind of RECORDED_KINDS) {
    const workflowId = workflowIdFor(kind, uuid);
    try {
      await client.withTimeout(() => client.temporal.workflow.getHandle(workflowId).describe());
      known.set(uuid, workflowId);
      return workflowId;
    } catch (error) {
      if (!(error instanceof WorkflowNotFoundError)) throw error;
    }
  }
  return getWorkflowId(uuid);
}

/** Finds the workflow that builds an image, as {@link findWorkflowId} does. @throws ClientError */
export async function findBuildHandle(client: ImageFactoryClient, uuid: string): Promise<WorkflowHandle> {
  return client.temporal.workflow.getHandle(await callTemporal(() => findWorkflowId(client, uuid), uuid));
}

/**
 * Fetches the status of a build by a Temporal query, which a running worker must answer. {@link followBuild} also works
 * without a worker.
 *
 * @throws BuildNotFoundError when Temporal has no such build
 * @throws NoWorkerError when no worker polls the task queue
 * @throws ClientError `WorkerFailed` when the worker does not answer within 10 s
 */
export async function fetchStatus(client: ImageFactoryClient, uuid: string): Promise<BuildStatus> {
  const handle = await findBuildHandle(client, uuid);
  return callTemporal(() => callWorker(client, () => handle.query<BuildStatus>(STATUS_QUERY)), uuid);
}

/**
 * Requests the cancellation of a build: the build removes its resources from the cloud, and ends as CANCELED. Returns
 * when Temporal has accepted the request, before the build has ended.
 *
 * @throws BuildNotFoundError when Temporal has no such build
 * @throws BuildStateError when the build has ended already
 */
export async function cancelBuild(client: ImageFactoryClient, uuid: string): Promise<void> {
  const handle = await findBuildHandle(client, uuid);
  const { status } = await callTemporal(() => client.withTimeout(() => handle.describe()), uuid);
  if (!isOpen(status.name)) throw new BuildStateError(uuid, `build ${uuid} has already ended: ${status.name}`);
  await callTemporal(() => client.withTimeout(() => handle.cancel()), uuid);
}

/** Checks whether a workflow has not ended. `execution` is the name of its state in Temporal, such as `RUNNING`. */
export function isOpen(execution: string): boolean {
  return execution === 'RUNNING' || execution === 'PAUSED';
}

/**
 * Changes how long a wait of a running build may take, in seconds from the beginning of the wait. While the build waits
 * for its installer run, or for the preparation of its guest, that run gets the new deadline too, and with it every
 * build that waits for the same run.
 *
 * @example
 * await setDeadline(client, uuid, { name: 'install_timeout', seconds: 3 * 3600 });
 *
 * @throws BuildNotFoundError when Temporal has no such build
 * @throws BuildStateError when the build has ended
 * @throws NoWorkerError when no worker polls the task queue
 * @throws ClientError `WorkerFailed` when the worker does not answer within 30 s
 */
export async function setDeadline(client: ImageFactoryClient, uuid: string, change: DeadlineChange): Promise<void> {
  await updateDeadline(client, await findBuildHandle(client, uuid), change, uuid);
  const runId = findAwaitedRun(await fetchStatus(client, uuid));
  if (runId === undefined) return;
  try {
    await updateDeadline(client, client.temporal.workflow.getHandle(runId), change, uuid);
  } catch (error) {
    // The run has just ended, or has not begun. So it has no wait that could be changed.
    if (!(error instanceof ClientError && error.cause instanceof WorkflowNotFoundError)) throw error;
  }
}

function updateDeadline(
  client: ImageFactoryClient,
  handle: WorkflowHandle,
  change: DeadlineChange,
  uuid: string,
): Promise<void> {
  const run = (): Promise<void> => handle.executeUpdate(SET_DEADLINE_UPDATE, { args: [change] });
  return callTemporal(() => callWorker(client, run, UPDATE_TIMEOUT), uuid);
}
