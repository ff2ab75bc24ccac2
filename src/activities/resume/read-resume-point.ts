import type { ReadResumePointInput, ResumePointReport } from '../../domain/messages.js';
import { readKind } from '../../domain/image-kinds.js';
import { KEYS } from '../../domain/names.js';
import type { Image } from '../../openstack/types.js';
import { type Deps, reportProgress, cancellationSignal } from '../shared/context.js';
import { findOutput } from '../convert/output.js';
import { getOwnImage, listOwnImages } from '../images/own-image.js';
import { workflowState } from '../shared/temporal-lookups.js';
import { USABLE_STATUSES, listInstances, findSnapshot, isUsableSnapshot } from './existing-resources.js';

/** Finds the point from which a build that has ended would continue, and changes nothing. */
export async function readResumePoint(deps: Deps, input: ReadResumePointInput): Promise<ResumePointReport> {
  const { ref, jeosWorkflowId } = input;
  if (readKind(ref.workflowId) === 'target_image') return readTargetResumePoint(deps, ref.uuid);
  reportProgress({ message: 'looking for resources of the build' });
  const [servers, snapshot, jeos] = await Promise.all([
    listInstances(deps, input),
    findSnapshot(deps, input),
    findJeos(deps, input),
  ]);
  const server = servers.find((candidate) => candidate['OS-EXT-STS:task_state'] !== 'deleting');
  if (snapshot !== undefined && isUsableSnapshot(snapshot, server)) {
    return { from: 'snapshot', what: `the snapshot ${snapshot.id} of the customised instance` };
  }
  if (server !== undefined && USABLE_STATUSES.includes(server.status)) {
    return { from: 'instance', what: `instance ${server.id}, in which steps that have run do not run again` };
  }
  if (jeos !== undefined) return { from: 'jeos', what: `the installed system, JEOS image ${jeos.id}` };
  const installs = jeosWorkflowId !== undefined && (await workflowState(deps, jeosWorkflowId)) === 'running';
  if (installs) return { from: 'installation', what: `the installation that still runs, ${jeosWorkflowId}` };
  return { from: 'nothing', what: `the beginning: the build has nothing on cloud ${ref.cloud} to continue from` };
}

/** Finds the point from which a target image would continue. It has nothing in the cloud. */
async function readTargetResumePoint(deps: Deps, uuid: string): Promise<ResumePointReport> {
  if ((await findOutput(deps, uuid)) !== undefined) return { from: 'body', what: 'the converted file' };
  const baseImage = (await deps.store.readRecord(uuid))?.base_image_id;
  if (baseImage === undefined) return { from: 'nothing', what: 'the beginning' };
  return { from: 'base_image', what: `base image ${baseImage}` };
}

/** Finds the JEOS that the build has used, or that it would use when it is resumed. */
async function findJeos(
  deps: Deps,
  { ref, jeosImage, jeosWorkflowId }: ReadResumePointInput,
): Promise<Image | undefined> {
  const options = { signal: cancellationSignal() };
  const known = jeosImage === undefined ? undefined : await getOwnImage(deps, ref.cloud, jeosImage, options);
  if (isJeos(known) || jeosWorkflowId === undefined) return isJeos(known) ? known : undefined;
  const properties = { [KEYS.workflow]: jeosWorkflowId, [KEYS.role]: 'jeos' };
  return (await listOwnImages(deps, ref.cloud, { properties }, options)).find(isJeos);
}

function isJeos(image: Image | undefined): boolean {
  return image?.status === 'active' && image[KEYS.jeos] !== undefined;
}
