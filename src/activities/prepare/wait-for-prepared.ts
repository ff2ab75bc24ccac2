import type { WorkflowFailedError } from '@temporalio/client';
import { FactoryError, type ErrorType } from '../../domain/errors.js';
import { WORKFLOWS } from '../../domain/messages.js';
import { KEYS, type BuildRef } from '../../domain/names.js';
import {
  getPreparedWorkflowId,
  type PreparedImageInput,
  type PreparedImageResult,
} from '../../domain/prepared-image.js';
import { SEARCH_ATTRIBUTES } from '../../domain/search-attributes.js';
import { describeInstallerLeftovers } from '../../domain/status.js';
import type { Image } from '../../openstack/types.js';
import { describeSource, type SourceImage } from '../images/source-image.js';
import { listOwnImages } from '../images/own-image.js';
import { claimImage } from '../images/shared-images.js';
import { BASE_TEMPLATE } from '../shared/build-documents.js';
import { cancellationSignal, type Deps } from '../shared/context.js';
import { copyLogs } from '../shared/logs.js';
import { findOrWaitFor, joinSharedRun, readRunFailure } from '../shared/shared-run.js';

export interface WaitForPreparedInput {
  ref: BuildRef;
  prepared: PreparedImageInput;
  os: { name: string; version: string; arch: string };
}

export interface FoundPrepared {
  source: SourceImage;
  reused: boolean;
}

/** Documents of a prepared image that describe its packages: a target image has the same packages. */
const PACKAGE_DOCUMENTS = ['icicle.xml', 'packages.json'];

/**
 * Finds the prepared image of a target image, or waits until it is prepared. The UUID of a prepared image is derived
 * from its digest, so target images that need the same share one run. Copies the list of its packages and its logs to
 * the target image.
 */
export async function waitForPrepared(deps: Deps, input: WaitForPreparedInput): Promise<FoundPrepared> {
  const { ref, prepared } = input;
  const workflowId = getPreparedWorkflowId(prepared.uuid);
  const found = await findOrWaitFor<PreparedImageResult, FoundPrepared>(deps, {
    workflowId,
    waiting: `preparing the base image in ${workflowId}`,
    find: () => findPrepared(deps, input),
    join: () => joinRun(deps, input, workflowId),
    claim: async ({ imageId }) => {
      const image = await deps.clouds.get(ref.cloud).image.getImage(imageId, { signal: cancellationSignal() });
      return image === undefined ? undefined : claim(deps, ref.cloud, image, false);
    },
    fail: (error) => buildFailure(error, workflowId),
  }).finally(() => copyLogs(deps, prepared.uuid, ref.uuid));
  await copyDocuments(deps, prepared.uuid, ref.uuid, PACKAGE_DOCUMENTS);
  return found;
}

async function findPrepared(deps: Deps, { ref, prepared }: WaitForPreparedInput): Promise<FoundPrepared | undefined> {
  const properties = { [KEYS.prepared]: prepared.digest, [KEYS.role]: 'prepared' };
  const images = await listOwnImages(deps, ref.cloud, { properties }, { signal: cancellationSignal() });
  const usable = images
    .filter(({ status, size }) => status === 'active' && (size ?? 0) > 0)
    .sort((one, other) => one.created_at.localeCompare(other.created_at));
  for (const image of usable) {
    const found = await claim(deps, ref.cloud, image, true);
    if (found !== undefined) return found;
  }
  return undefined;
}

async function claim(deps: Deps, cloud: string, image: Image, reused: boolean): Promise<FoundPrepared | undefined> {
  if (!(await claimImage(deps, cloud, image.id, KEYS.prepared))) return undefined;
  return { source: describeSource(image), reused };
}

async function joinRun(deps: Deps, { ref, prepared, os }: WaitForPreparedInput, workflowId: string): Promise<string> {
  const copy = async (): Promise<void> => {
    const names = await deps.store.listDocuments(ref.uuid);
    await copyDocuments(deps, ref.uuid, prepared.uuid, names.filter(isInput));
  };
  await copy();
  const { base, osLabel, digest } = prepared;
  const runId = await joinSharedRun(deps, ref, {
    type: WORKFLOWS.preparedImage,
    workflowId,
    input: prepared,
    searchAttributes: [
      { key: SEARCH_ATTRIBUTES.imageType, value: 'prepared_image' },
      { key: SEARCH_ATTRIBUTES.os, value: os.name },
      { key: SEARCH_ATTRIBUTES.osVersion, value: os.version },
      { key: SEARCH_ATTRIBUTES.arch, value: os.arch },
      { key: SEARCH_ATTRIBUTES.template, value: base.name },
    ],
    staticSummary: `Prepare ${base.name} (${osLabel}) for a target`,
    staticDetails: `The preparation of base image \`${base.uuid}\` that \`${ref.workflowId}\` and every other target image with digest \`${digest}\` share.`,
  });
  // The sweeper may have removed the documents of an earlier prepared image just before the run started.
  await copy();
  return runId;
}

/** Whether a document of a target image is an input of its preparation. */
function isInput(name: string): boolean {
  return ['template.tdl', BASE_TEMPLATE, 'parameters.json'].includes(name) || name.startsWith('content-');
}

async function copyDocuments({ store }: Deps, from: string, to: string, names: readonly string[]): Promise<void> {
  for (const name of names) {
    const content = await store.readDocument(from, name);
    if (content !== undefined) await store.writeDocument(to, name, content);
  }
}

function buildFailure(error: WorkflowFailedError, workflowId: string): FactoryError {
  const failure = readRunFailure(error);
  if (failure === undefined) {
    const why = error.cause?.message ?? error.message;
    return new FactoryError('ImageFailed', `the preparation ${workflowId} ended without an image: ${why}`);
  }
  const { type, step, message = '', hint, consoleTail, leftovers } = failure;
  const text = `the preparation of the base image failed${step === undefined ? '' : ` in step ${step}`}: ${message}`;
  return new FactoryError((type || 'ImageFailed') as ErrorType, text + describeInstallerLeftovers(leftovers), {
    hint,
    consoleTail,
  });
}
