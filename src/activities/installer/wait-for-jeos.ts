import type { WorkflowFailedError } from '@temporalio/client';
import { FactoryError, type ErrorType } from '../../domain/errors.js';
import { WORKFLOWS, type JeosImageInput, type JeosImageResult } from '../../domain/messages.js';
import { KEYS, type BuildRef } from '../../domain/names.js';
import { SEARCH_ATTRIBUTES } from '../../domain/search-attributes.js';
import { describeInstallerLeftovers } from '../../domain/status.js';
import type { Image } from '../../openstack/types.js';
import { type Deps, cancellationSignal } from '../shared/context.js';
import { findOrWaitFor, joinSharedRun, readRunFailure } from '../shared/shared-run.js';
import { listOwnImages } from '../images/own-image.js';
import { keepInstallerConsole } from '../shared/logs.js';
import { keepMediaDigests, readMediaDigests } from '../images/jeos-media.js';
import { claimImage } from '../images/shared-images.js';
import type { BuildParameters } from '../../domain/parameters.js';
import type { GivenOrigin } from '../given-image/given-image.js';
import type { PlannedBuild } from '../plan/planned-build.js';

export interface WaitForJeosInput {
  ref: BuildRef;
  plan: PlannedBuild;
  parameters: BuildParameters;
  heartbeatTimeout: number;
  /**
   * Whether to use a JEOS that an earlier run of this build has installed, even when parameter `reuse_jeos` is False.
   * Default false.
   */
  reuseOwnJeos?: boolean;
}

export interface FoundJeos {
  imageId: string;
  reused: boolean;
  /** Whether an instance booted from the JEOS has ever answered over SSH. */
  proven: boolean;
  /** Set for an image that the build has not installed, but was given: where it was, and the digest of its bytes. */
  given?: GivenOrigin;
  /** GiB that a disk must have for a given image. Unset when that is not known, and for a JEOS. */
  minDisk?: number;
  /** Resources that the installer run could not remove from the cloud, each with the reason. Default: none. */
  leftovers?: string[];
}

/**
 * Finds and claims an installed JEOS with the plan's digest. Prefers a proven JEOS, then the oldest, so that all builds
 * choose the same JEOS. Skips a JEOS that the sweeper is removing.
 */
async function findJeos(deps: Deps, { ref, plan, parameters }: WaitForJeosInput): Promise<FoundJeos | undefined> {
  const properties = {
    [KEYS.jeos]: plan.jeosDigest,
    [KEYS.role]: 'jeos',
    ...(parameters.reuse_jeos ? {} : { [KEYS.workflow]: plan.jeosWorkflowId }),
  };
  const images = await listOwnImages(deps, ref.cloud, { properties }, { signal: cancellationSignal() });
  const usable = images
    .filter((candidate) => candidate.status === 'active' && (candidate.size ?? 0) > 0)
    .sort((a, b) => Number(isProven(b)) - Number(isProven(a)) || a.created_at.localeCompare(b.created_at));
  for (const found of usable) {
    if (!(await claimImage(deps, ref.cloud, found.id, KEYS.jeos))) continue;
    await keepMediaDigests(deps, ref.uuid, readMediaDigests(found));
    return { imageId: found.id, reused: true, proven: isProven(found) };
  }
  return undefined;
}

/**
 * Whether an instance of the JEOS has ever accepted a login. Without a login it is not certain that the JEOS boots,
 * because an installer may power off without having installed a system that boots.
 */
function isProven(image: Image): boolean {
  return image[KEYS.proven] === 'true';
}

function buildJeosInput({ ref, plan, parameters, heartbeatTimeout }: WaitForJeosInput): JeosImageInput {
  const { install_timeout, inactivity_timeout, boot_timeout, shutdown_timeout, snapshot_timeout } = parameters;
  return {
    cloud: ref.cloud,
    digest: plan.jeosDigest,
    documentsId: plan.jeosDocumentsId,
    name: plan.name,
    osLabel: plan.osLabel,
    flavorId: plan.flavorId,
    networkId: plan.networkId,
    minDisk: plan.minDisk,
    ...(plan.volumes === undefined ? {} : { volumes: plan.volumes }),
    deadlines: { install_timeout, inactivity_timeout, boot_timeout, shutdown_timeout, snapshot_timeout },
    mediaTimeout: parameters.media_timeout,
    quotaTimeout: parameters.quota_timeout,
    heartbeatTimeout,
    queueId: plan.queueId,
  };
}

/** Joins the run that installs this JEOS, or starts the run if there is none. Returns the run's id. */
async function joinInstallerRun(deps: Deps, input: WaitForJeosInput): Promise<string> {
  const { ref, plan } = input;
  await copyDocuments(deps, input);
  const runId = await joinSharedRun(deps, ref, {
    type: WORKFLOWS.jeosImage,
    workflowId: plan.jeosWorkflowId,
    input: buildJeosInput(input),
    searchAttributes: [
      { key: SEARCH_ATTRIBUTES.imageType, value: 'jeos_image' },
      { key: SEARCH_ATTRIBUTES.os, value: plan.os.name },
      { key: SEARCH_ATTRIBUTES.osVersion, value: plan.os.version },
      { key: SEARCH_ATTRIBUTES.arch, value: plan.os.arch },
      { key: SEARCH_ATTRIBUTES.template, value: plan.name },
    ],
    staticSummary: `Install ${plan.osLabel} (JEOS for ${plan.name})`,
    staticDetails: `The installer run that build \`${ref.workflowId}\` and every other build with JEOS digest \`${plan.jeosDigest}\` share.`,
  });
  // The sweeper may have removed the documents of an earlier JEOS just before the run started.
  await copyDocuments(deps, input);
  return runId;
}

/** Documents of a build that the run of its JEOS needs. */
const JEOS_DOCUMENTS = ['template.tdl', 'install_script', 'parameters.json'];

/** Copies the build's documents to those of the JEOS. */
async function copyDocuments({ store }: Deps, { ref, plan }: WaitForJeosInput): Promise<void> {
  for (const name of JEOS_DOCUMENTS) {
    const content = await store.readDocument(ref.uuid, name);
    if (content !== undefined) await store.writeDocument(plan.jeosDocumentsId, name, content);
  }
}

function buildInstallFailure(error: WorkflowFailedError, { plan }: WaitForJeosInput): FactoryError {
  const failure = readRunFailure(error);
  if (failure === undefined) {
    const why = error.cause?.message ?? error.message;
    return new FactoryError('InstallFailed', `the installer’s run ${plan.jeosWorkflowId} ended without a JEOS: ${why}`);
  }
  const { type, message = '', hint, consoleTail, leftovers } = failure;
  return new FactoryError((type || 'InstallFailed') as ErrorType, message + describeInstallerLeftovers(leftovers), {
    hint,
    consoleTail,
  });
}

/**
 * Finds the JEOS of a plan, or waits until it is installed. The workflow id of the installer run contains the JEOS
 * digest, so two builds that need the same JEOS share one run.
 */
export async function waitForJeos(deps: Deps, input: WaitForJeosInput): Promise<FoundJeos> {
  const { ref, plan, parameters, reuseOwnJeos = false } = input;
  const mayReuse = parameters.reuse_jeos || reuseOwnJeos;
  return findOrWaitFor<JeosImageResult, FoundJeos>(deps, {
    workflowId: plan.jeosWorkflowId,
    waiting: `installing in ${plan.jeosWorkflowId}`,
    find: async () => (mayReuse ? findJeos(deps, input) : undefined),
    join: () => joinInstallerRun(deps, input),
    claim: async ({ imageId, leftovers, mediaDigests }) => {
      if (!(await claimImage(deps, ref.cloud, imageId, KEYS.jeos))) return undefined;
      await keepMediaDigests(deps, ref.uuid, mediaDigests);
      return { imageId, reused: false, proven: false, ...(leftovers === undefined ? {} : { leftovers }) };
    },
    fail: (error) => buildInstallFailure(error, input),
  }).finally(() => keepInstallerConsole(deps, ref.uuid, plan.jeosDocumentsId));
}
