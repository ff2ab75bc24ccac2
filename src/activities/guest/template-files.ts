import { resolveGuestPath } from '../../os/guest/guest-users.js';
import type { BuildDocuments } from '../shared/build-documents.js';

/**
 * Lists the absolute paths of the template's files in the guest. In a base image that is prepared for a target, the
 * files of the base image's own template are among them.
 */
export async function listTemplateFiles(build: BuildDocuments): Promise<string[]> {
  const [{ files }, base, profile] = await Promise.all([build.template(), build.baseTemplate(), build.profile()]);
  return [...(base?.files ?? []), ...files].map(({ name }) => resolveGuestPath(name, profile));
}
