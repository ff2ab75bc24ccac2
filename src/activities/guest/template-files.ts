import { resolveGuestPath } from '../../os/guest/guest-users.js';
import type { BuildDocuments } from '../shared/build-documents.js';

/** Lists the absolute paths of the template's files in the guest. */
export async function listTemplateFiles(build: BuildDocuments): Promise<string[]> {
  const [{ files }, profile] = await Promise.all([build.template(), build.profile()]);
  return files.map(({ name }) => resolveGuestPath(name, profile));
}
