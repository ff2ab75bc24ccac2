import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { marksOf, resourceName, tagsOf } from '../build/names.js';
import { newIso } from '../media/new-iso.js';
import { inFolder } from './boot-folder.js';
import { filesFor, type FromMedium } from './boot-iso.js';
import { type Deps, progress, signal } from './context.js';
import { templateOf } from './documents.js';
import { ensureImage } from './ensure-image.js';
import type { BootImageInput } from './types.js';

/** The image of a medium of this build's own, with the script and the template's extras, where the system's medium cannot have them. */
export async function createScriptMedium(
  deps: Deps,
  input: BootImageInput,
  plan: FromMedium,
): Promise<string | undefined> {
  const volumeId = plan.medium.script?.beside;
  if (volumeId === undefined) return undefined;
  const { ref } = input;
  const template = await templateOf(deps, input.documents);
  return inFolder(deps, ref, 'script-medium', async (folder) => {
    const files = await filesFor(deps, input, plan, template, folder);
    progress({ message: 'making a medium for the install script' });
    const path = await newIso({ volumeId, files, folder, signal: signal() });
    return ensureImage(deps, ref.cloud, {
      seed: `boot-script:${ref.uuid}`,
      request: {
        name: resourceName(ref, 'boot-script'),
        disk_format: 'iso',
        container_format: 'bare',
        visibility: 'private',
        tags: tagsOf(ref, 'boot'),
        properties: marksOf(ref, 'boot', deps.identity),
      },
      content: { size: (await stat(path)).size, open: () => createReadStream(path) },
    });
  });
}
