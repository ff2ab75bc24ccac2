import { FactoryError } from '../../domain/errors.js';
import type { RegisteredImage } from '../../domain/provider-image.js';
import { retryPart } from '../transfer/retry-part.js';
import type { Operation } from '../types.js';
import type { ImagePolicy, Images } from './compute.js';
import { findRegistered } from './remove.js';

/** Lets its members start machines from the image, and make disks of it. */
const ROLE = 'roles/compute.imageUser';
/** How often we read the policy again when others change it at the same time. */
const TRIES = 10;
const MEMBER = /^(user|group|serviceAccount|domain|principal|principalSet):.+|^allAuthenticatedUsers$/;

/**
 * Reads an account: a member in Google's words (`user:…`, `group:…`, `domain:…`), or the address of a user or of a
 * service account.
 */
export function toMember(account: string): string {
  if (MEMBER.test(account)) return account;
  if (/^[^:@\s]+@[^:@\s]+\.gserviceaccount\.com$/.test(account)) return `serviceAccount:${account}`;
  if (/^[^:@\s]+@[^:@\s]+$/.test(account)) return `user:${account}`;
  throw new FactoryError('InvalidParameter', `“${account}” is not an account of Google Cloud`, {
    hint: 'write an e-mail address, or user:…, group:…, serviceAccount:…, domain:…',
  });
}

/** Adds members to a policy. Bindings with a condition stay as they are. Undefined when nothing changes. */
export function addMembers(policy: ImagePolicy, members: readonly string[]): ImagePolicy | undefined {
  const bindings = policy.bindings ?? [];
  const index = bindings.findIndex(({ role, condition }) => role === ROLE && condition === undefined);
  const present = bindings[index]?.members ?? [];
  const all = [...new Set([...present, ...members])];
  if (all.length === present.length) return undefined;
  const binding = { role: ROLE, members: all };
  return { ...policy, bindings: index < 0 ? [...bindings, binding] : bindings.with(index, binding) };
}

/** Lets the accounts use the image. Others may change the policy at the same time: its `etag` tells. */
export async function shareImage(
  images: Images,
  operation: Operation,
  registered: RegisteredImage,
  accounts: readonly string[],
): Promise<void> {
  const { signal } = operation;
  const members = accounts.map(toMember);
  const image = await findRegistered(images, registered, signal);
  if (image === undefined)
    throw new FactoryError('NotFound', `project ${images.project} has no image ${registered.id}`);
  for (let tries = 0; tries < TRIES; tries++) {
    // A lost reply to the write is a change by ourselves: the next reading finds the members there.
    const isShared = await retryPart(operation, async () => {
      const changed = addMembers(await images.readPolicy(image.name, signal), members);
      return changed === undefined || (await images.writePolicy(image.name, changed, signal));
    });
    if (isShared) return;
    await operation.sleep(operation.pollInterval);
  }
  throw new FactoryError('Conflict', `others change the policy of image ${image.name} all the time`, {
    retryable: true,
  });
}
