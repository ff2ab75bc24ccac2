import { createIso } from '../../media/new-iso.js';
import { inFolder } from '../media/scratch-folder.js';
import { filesFor, type FromMedium } from './boot-iso.js';
import { type Deps, reportProgress, cancellationSignal } from '../shared/context.js';
import { loadTemplate } from '../shared/documents.js';
import { ensureRunImage } from '../images/run-image.js';
import type { BootImageInput } from '../shared/types.js';

/** The image of a medium of this build's own, with the script and the template's extras, where the system's medium cannot have them. */
export async function createScriptMedium(
  deps: Deps,
  input: BootImageInput,
  plan: FromMedium,
): Promise<string | undefined> {
  const volumeId = plan.medium.script?.beside;
  if (volumeId === undefined) return undefined;
  const { ref } = input;
  const template = await loadTemplate(deps, input.documentsId);
  return inFolder(deps, ref, 'script-medium', async (folder) => {
    const files = await filesFor(deps, input, plan, template, folder);
    reportProgress({ message: 'making a medium for the install script' });
    const path = await createIso({ volumeId, files, folder, signal: cancellationSignal() });
    return ensureRunImage(deps, ref, { name: 'boot-script', format: 'iso', content: path });
  });
}
