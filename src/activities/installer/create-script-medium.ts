import { createIso } from '../../media/new-iso.js';
import { withScratchFolder } from '../media/scratch-folder.js';
import { writeMediumFiles, type MediumInstallerPlan } from './create-boot-medium.js';
import { type Deps, reportProgress, cancellationSignal } from '../shared/context.js';
import type { BuildDocuments } from '../shared/build-documents.js';
import { ensureRunImage } from '../images/ensure-run-image.js';
import type { BuildRef } from '../../domain/names.js';

/**
 * Creates a medium for this build with the install script and the template's extras, when the system's own medium
 * cannot contain them. Returns the id of its image; undefined when no such medium is needed.
 */
export async function createScriptMedium(
  deps: Deps,
  build: BuildDocuments,
  ref: BuildRef,
  plan: MediumInstallerPlan,
): Promise<string | undefined> {
  const volumeId = plan.medium.script?.beside;
  if (volumeId === undefined) return undefined;
  return withScratchFolder(deps, ref, 'script-medium', async (folder) => {
    const files = await writeMediumFiles(deps, build, plan, folder);
    reportProgress({ message: 'making a medium for the install script' });
    const path = await createIso({ volumeId, files, folder, signal: cancellationSignal() });
    return ensureRunImage(deps, ref, { name: 'boot-script', format: 'iso', content: path });
  });
}
