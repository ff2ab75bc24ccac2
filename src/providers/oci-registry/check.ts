import { FactoryError } from '../../domain/errors.js';
import type { Finding, Operation } from '../types.js';
import type { RegistryClient } from './client.js';
import { Manifests } from './manifests.js';
import { beginUpload, cancelUpload } from './push-blob.js';

/** A digest that nothing has: deleting it shows whether deleting is allowed. */
const NOTHING = `sha256:${'0'.repeat(64)}`;

/** Tries something out. A failure that passes is thrown; every other one is a finding. */
export async function tryOut(
  { signal }: Operation,
  what: string,
  attempt: () => Promise<string | void>,
): Promise<Finding> {
  try {
    const message = await attempt();
    return { what, ok: true, ...(typeof message === 'string' ? { message } : {}) };
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof FactoryError) || error.retryable) throw error;
    const { message, hint } = error;
    return { what, ok: false, message, ...(hint === undefined ? {} : { hint }) };
  }
}

/**
 * Tries the permissions of a push to a repository. The upload that it begins, it ends at once.
 *
 * @param isExample whether the repository stands for those of all images, and need not be there
 */
export async function checkAccess(
  client: RegistryClient,
  operation: Operation,
  repository: string,
  isExample: boolean,
): Promise<Finding[]> {
  const { signal } = operation;
  const findings: Finding[] = [];
  const attempts: [string, () => Promise<string | void>][] = [
    [`registry ${client.host}`, async () => void (await client.ping(signal))],
    [`push to ${repository}`, () => tryToPush(client, operation, repository, isExample)],
    [`delete images in ${repository}`, () => tryToDelete(new Manifests(client, repository, signal))],
  ];
  for (const [what, attempt] of attempts) {
    const finding = await tryOut(operation, what, attempt);
    findings.push(finding);
    if (!finding.ok) break;
  }
  return findings;
}

async function tryToPush(
  client: RegistryClient,
  operation: Operation,
  repository: string,
  isExample: boolean,
): Promise<string | void> {
  try {
    const { location } = await beginUpload(client, operation, repository);
    await cancelUpload(client, operation, repository, location.href);
  } catch (error) {
    if (!isExample || !(error instanceof FactoryError) || error.type !== 'NotFound') throw error;
    return 'this registry does not make repositories: make that of each image before its first push';
  }
}

/** A push needs no permission to delete, so what is missing is told, but is no reason against a push. */
async function tryToDelete(manifests: Manifests): Promise<string | void> {
  try {
    await manifests.delete(NOTHING);
  } catch (error) {
    if (!(error instanceof FactoryError) || error.retryable) throw error;
    return `${error.message}; only \`delete\` and retention need it`;
  }
}
