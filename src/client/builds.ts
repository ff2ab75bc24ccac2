import { randomUUID } from 'node:crypto';
import { hostname, userInfo } from 'node:os';
import { WorkflowNotFoundError, type WorkflowHandle } from '@temporalio/client';
import type { WorkflowIdReusePolicy } from '@temporalio/common';
import { baseImageWorkflowId, type BaseImageInput } from '../domain/base-image-input.js';
import { SET_DEADLINE_UPDATE, STATUS_QUERY, WORKFLOWS, type DeadlineChange } from '../domain/messages.js';
import { parseParameters, type BuildParameters } from '../domain/parameters.js';
import { planBuild } from '../planning/plan.js';
import { SEARCH_ATTRIBUTES } from '../domain/search-attributes.js';
import type { BuildStatus } from '../domain/status.js';
import { maskAddressPasswords } from '../os/passwords/address-passwords.js';
import type { Template } from '../tdl/types.js';
import { checkScript, checkTemplate } from './check-files.js';
import type { ImageFactoryClient } from './connection.js';
import { callTemporal } from './temporal-errors.js';
import { ClientError, InvalidFilesError } from './errors.js';

/*
 * Starting, watching and ending builds from a program; the command line is a user of these functions like any other:
 *
 *   const factory = await connectFactory();
 *   const { uuid } = await startBuild(factory, { template, templateName: 'f19.tdl', parameters, cloud: 'envvars' });
 *   for await (const seen of watchBuild(factory, uuid)) console.log(seen.status?.percent);
 *   const outcome = await buildOutcome(factory, uuid);
 */

/** What a build is asked for with. */
export interface BuildRequest {
  /** Text of the TDL document. */
  template: string;
  /** Name of its file, for messages. */
  templateName: string;
  /** Parameters by name, as in `docs/parameters.md`; values may be texts. */
  parameters: Record<string, unknown>;
  /** Name of a cloud that the worker knows, or `envvars`. */
  cloud: string;
  /** Name of the install script's file, for messages. Default `install_script`. */
  scriptName?: string;
}

export interface StartedBuild {
  uuid: string;
  workflowId: string;
  runId: string;
  /** The workflow type's input, parameters with every default filled in. */
  input: BaseImageInput;
}

/**
 * Checks the template, the install script and the parameters, and starts the build.
 *
 * @throws InvalidFilesError when the template or the script has mistakes; nothing was started
 * @throws FactoryError InvalidParameter
 * @throws ClientError when Temporal refuses
 */
export async function startBuild(factory: ImageFactoryClient, request: BuildRequest): Promise<StartedBuild> {
  const { template, parameters } = checkRequest(request);
  const { templateName, cloud } = request;
  const input: BaseImageInput = { uuid: randomUUID(), template: request.template, templateName, parameters, cloud };
  return start(factory, input, template, 'REJECT_DUPLICATE');
}

/**
 * Starts a build that has ended without an image once more, under its UUID.
 *
 * @param from what is to be done anew though it exists
 * @throws InvalidFilesError, FactoryError, ClientError as {@link startBuild}
 */
export async function restartBuild(
  factory: ImageFactoryClient,
  input: BaseImageInput,
  from?: string,
): Promise<StartedBuild> {
  // An install from scratch is one that takes no JEOS of earlier times.
  const anew = from === 'jeos' ? { reuse_jeos: false } : {};
  const { template, parameters } = checkRequest({ ...input, parameters: { ...input.parameters, ...anew } });
  const resumed = from === undefined ? {} : { from };
  return start(factory, { ...input, parameters, resumed }, template, 'ALLOW_DUPLICATE_FAILED_ONLY');
}

async function start(
  factory: ImageFactoryClient,
  input: BaseImageInput,
  template: Template,
  workflowIdReusePolicy: WorkflowIdReusePolicy,
): Promise<StartedBuild> {
  const { uuid, templateName, cloud } = input;
  const workflowId = baseImageWorkflowId(uuid);
  const { os } = template;
  const handle = await callTemporal(() =>
    factory.call(() =>
      factory.client.workflow.start(WORKFLOWS.baseImage, {
        args: [input],
        workflowId,
        taskQueue: factory.taskQueue,
        workflowIdConflictPolicy: 'FAIL',
        workflowIdReusePolicy,
        staticSummary: `base image of ${template.name}: ${os.name} ${os.version} ${os.arch}`.slice(0, 190),
        staticDetails: startDetails({ templateName, cloud }, template, uuid),
        memo: { template: templateName, cloud, started_by: startedBy() },
        typedSearchAttributes: [
          { key: SEARCH_ATTRIBUTES.imageType, value: 'base_image' },
          { key: SEARCH_ATTRIBUTES.os, value: os.name },
          { key: SEARCH_ATTRIBUTES.osVersion, value: os.version },
          { key: SEARCH_ATTRIBUTES.arch, value: os.arch },
          { key: SEARCH_ATTRIBUTES.template, value: template.name },
          { key: SEARCH_ATTRIBUTES.phase, value: 'plan' },
          { key: SEARCH_ATTRIBUTES.status, value: 'NEW' },
        ],
      }),
    ),
  );
  return { uuid, workflowId, runId: handle.firstExecutionRunId, input };
}

/** A request that can be started as far as anybody can tell without Temporal and without a cloud. */
export interface CheckedRequest {
  template: Template;
  parameters: BuildParameters;
  warnings: string[];
}

/**
 * Checks what can be checked without Temporal and without a cloud: parameters, template, install script, and whether a
 * plan comes of them.
 *
 * @throws FactoryError InvalidParameter, or what the plan lacks
 * @throws InvalidFilesError when the template or the script has mistakes
 */
export function checkRequest(request: BuildRequest): CheckedRequest {
  const parameters = parseParameters(request.parameters);
  const installScript = parameters.install_script;
  const { template, problems, scriptKind } = checkTemplate(request.template);
  const reports = [{ file: request.templateName, valid: problems.length === 0, problems }];
  if (scriptKind !== undefined && installScript !== undefined) {
    const wrong = checkScript(scriptKind, installScript);
    reports.push({ file: request.scriptName ?? 'install_script', valid: wrong.length === 0, problems: wrong });
  }
  if (template === undefined || reports.some(({ valid }) => !valid)) throw new InvalidFilesError(reports);
  const { warnings } = planBuild({ template, parameters, ...(installScript === undefined ? {} : { installScript }) });
  return { template, parameters, warnings };
}

function startDetails(request: Pick<BuildRequest, 'templateName' | 'cloud'>, template: Template, uuid: string): string {
  const { name, version, arch, install } = template.os;
  return [
    `Base image **${template.name}** (${name} ${version} ${arch}) on cloud \`${request.cloud}\``,
    '',
    `- UUID: \`${uuid}\``,
    `- template: \`${request.templateName}\``,
    `- installs from: ${maskAddressPasswords(install.type === 'url' ? install.url : install.iso)}`,
    `- started by: ${startedBy()}`,
  ].join('\n');
}

function startedBy(): string {
  try {
    return `${userInfo().username}@${hostname()}`;
  } catch {
    // A process whose user id has no entry in passwd, as in some containers.
    return hostname();
  }
}

/** Handle of a build's workflow. */
export function buildHandle(factory: ImageFactoryClient, uuid: string): WorkflowHandle {
  return factory.client.workflow.getHandle(baseImageWorkflowId(uuid));
}

/**
 * The build's own account of itself. Needs a worker, for it is a query; {@link watchBuild} shows what there is without.
 *
 * @throws ClientError when there is no such build, or no worker answers
 */
export async function buildStatus(factory: ImageFactoryClient, uuid: string): Promise<BuildStatus> {
  return callTemporal(() => factory.call(() => buildHandle(factory, uuid).query<BuildStatus>(STATUS_QUERY)), uuid);
}

/**
 * Asks a build to cancel itself: it removes what it has made, and ends as CANCELED. Returns when Temporal has taken the
 * request, not when the build has ended.
 */
export async function cancelBuild(factory: ImageFactoryClient, uuid: string): Promise<void> {
  const handle = buildHandle(factory, uuid);
  const { status } = await callTemporal(() => factory.call(() => handle.describe()), uuid);
  if (status.name !== 'RUNNING' && status.name !== 'PAUSED') {
    throw new ClientError(`build ${uuid} has already ended: ${status.name}`);
  }
  await callTemporal(() => factory.call(() => handle.cancel()), uuid);
}

/**
 * Changes how long a wait of a running build may take in all. While the build waits for its installer run, that run, and
 * so every build that waits for it too, gets the new deadline as well.
 */
export async function setDeadline(factory: ImageFactoryClient, uuid: string, change: DeadlineChange): Promise<void> {
  await update(factory, buildHandle(factory, uuid), change, uuid);
  const { phase, jeosWorkflowId } = await buildStatus(factory, uuid);
  if (phase !== 'jeos' || jeosWorkflowId === undefined) return;
  try {
    await update(factory, factory.client.workflow.getHandle(jeosWorkflowId), change);
  } catch (error) {
    // It has just ended, or has not begun: then there is no wait to change.
    if (!(error instanceof ClientError && error.cause instanceof WorkflowNotFoundError)) throw error;
  }
}

async function update(
  factory: ImageFactoryClient,
  handle: WorkflowHandle,
  change: DeadlineChange,
  uuid?: string,
): Promise<void> {
  await callTemporal(
    () => factory.call(() => handle.executeUpdate(SET_DEADLINE_UPDATE, { args: [change] }), 30_000),
    uuid,
  );
}
