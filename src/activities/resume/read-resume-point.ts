import type { ReadResumePointInput, ResumePointReport } from '../../domain/messages.js';
import { KEYS } from '../../domain/names.js';
import type { Image } from '../../openstack/types.js';
import { type Deps, reportProgress, cancellationSignal } from '../shared/context.js';
import { workflowState } from '../shared/temporal-lookups.js';
import { USABLE_STATUSES, listInstances, findSnapshot, isUsableSnapshot } from './existing-resources.js';

/** Reads the point from which a build that has ended would continue, and changes nothing. */
export async function readResumePoint(deps: Deps, input: ReadResumePointInput): Promise<ResumePointReport> {
  const { ref, jeosWorkflowId } = input;
  reportProgress({ message: 'looking for what the build has left' });
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
    return { from: 'instance', what: `instance ${server.id}, in which what has run does not run again` };
  }
  if (jeos !== undefined) return { from: 'jeos', what: `the installed system, JEOS image ${jeos.id}` };
  const installs = jeosWorkflowId !== undefined && (await workflowState(deps, jeosWorkflowId)) === 'running';
  if (installs) return { from: 'installation', what: `the installation that still runs, ${jeosWorkflowId}` };
  return { from: 'nothing', what: `the beginning: nothing of it exists on cloud ${ref.cloud}` };
}

/** Finds the JEOS that the build had, or would find. */
async function findJeos(
  deps: Deps,
  { ref, jeosImage, jeosWorkflowId }: ReadResumePointInput,
): Promise<Image | undefined> {
  const { image } = deps.clouds.get(ref.cloud);
  const known = jeosImage === undefined ? undefined : await image.getImage(jeosImage, { signal: cancellationSignal() });
  if (isJeos(known) || jeosWorkflowId === undefined) return isJeos(known) ? known : undefined;
  const properties = { [KEYS.workflow]: jeosWorkflowId, [KEYS.role]: 'jeos' };
  return (await image.listImages({ properties }, { signal: cancellationSignal() })).find(isJeos);
}

function isJeos(image: Image | undefined): boolean {
  return image?.status === 'active' && image[KEYS.jeos] !== undefined;
}
