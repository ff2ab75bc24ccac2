import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import type { BaseImageInput } from '../domain/base-image-input.js';
import { defined } from '../domain/defined.js';
import { stripKind } from '../domain/image-kinds.js';
import { WORKFLOWS } from '../domain/messages.js';
import type { BuildParameters } from '../domain/parameters.js';
import type { CheckedRequest } from './build-request.js';
import { getBuildHandle } from './builds.js';
import type { ImageFactoryClient } from './connection.js';
import { readInput } from './resume.js';
import { callTemporal } from './temporal-errors.js';

/** A build that has not ended, and its input. */
export interface OpenBuild {
  /** UUID of the build. */
  uuid: string;
  /** Name of the template's file. */
  templateName: string;
  /** The text of the template. */
  templateText: string;
  /** The parameters with every default filled in. */
  parameters: BuildParameters;
  /** Name of the cloud. */
  cloud: string;
  /** Whether somebody has cancelled the build, so that it only cleans up. */
  isCanceled: boolean;
}

/** Milliseconds between two lists of the open workflows. */
const INTERVAL = 500;

/**
 * Lists the builds that have not ended, the oldest first.
 *
 * @throws ClientError when Temporal does not answer
 */
export async function listOpenBuilds(client: ImageFactoryClient): Promise<OpenBuild[]> {
  const ids = await listRunning(client, [WORKFLOWS.baseImage]);
  return Promise.all(ids.map((id) => describeOpenBuild(client, stripKind(id))));
}

async function describeOpenBuild(client: ImageFactoryClient, uuid: string): Promise<OpenBuild> {
  const handle = getBuildHandle(client, uuid);
  const { raw } = await callTemporal(() => client.withTimeout(() => handle.describe()), uuid);
  const { template, templateName, parameters, cloud } = await readInput<BaseImageInput>(client, handle, uuid);
  const isCanceled = raw.workflowExtendedInfo?.cancelRequested === true;
  return { uuid, templateName, templateText: template, parameters, cloud, isCanceled };
}

/** Checks whether a request asks for the same as an open build: the same template, parameters and cloud. */
export function isSameBuild(build: OpenBuild, request: CheckedRequest): boolean {
  const { templateText, parameters, cloud } = build;
  return (
    templateText === request.templateText &&
    cloud === request.cloud &&
    isDeepStrictEqual(defined(parameters), defined(request.parameters))
  );
}

/**
 * Waits until no build and no installer run is open.
 *
 * @param signal ends the wait without an error when it is aborted
 * @throws ClientError when Temporal does not answer
 */
export async function waitUntilIdle(client: ImageFactoryClient, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const open = await listRunning(client, [WORKFLOWS.baseImage, WORKFLOWS.jeosImage]);
    if (open.length === 0) return;
    await sleep(INTERVAL, undefined, { signal }).catch(() => undefined);
  }
}

/** Lists the ids of the running workflows of some types, the oldest first. */
async function listRunning(client: ImageFactoryClient, types: readonly string[]): Promise<string[]> {
  const query = `WorkflowType IN (${types.map((type) => `'${type}'`).join(', ')}) AND ExecutionStatus = 'Running'`;
  return callTemporal(async () => {
    const found: { workflowId: string; startTime: Date }[] = [];
    for await (const { workflowId, startTime } of client.temporal.workflow.list({ query })) {
      found.push({ workflowId, startTime });
    }
    return found.sort((a, b) => a.startTime.getTime() - b.startTime.getTime()).map(({ workflowId }) => workflowId);
  });
}
