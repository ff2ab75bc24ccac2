import { deriveUuid } from '../../planning/derive-uuid.js';

/** The number of characters of a digest that are in the id of a workflow. */
const DIGEST_PART = 16;

/**
 * Returns the id of the workflow that installs a JEOS.
 *
 * @param own the name of the cloud whose builds share the JEOS, or the UUID of the build that does not share it
 */
export function getJeosWorkflowId(own: string, digest: string): string {
  return `jeos-${own}-${digest.slice(0, DIGEST_PART)}`;
}

/** Returns the UUID under which the store keeps the documents of a JEOS. `own`: see {@link getJeosWorkflowId}. */
export function getJeosDocumentsId(own: string, digest: string): string {
  return deriveUuid(`jeos:${own}:${digest}`);
}

/** Finds the UUID of {@link getJeosDocumentsId} by the id of the workflow that has installed the JEOS. */
export function findJeosDocumentsId(workflowId: string, digest: string): string | undefined {
  const own = workflowId.slice('jeos-'.length, -DIGEST_PART - 1);
  return getJeosWorkflowId(own, digest) === workflowId ? getJeosDocumentsId(own, digest) : undefined;
}
