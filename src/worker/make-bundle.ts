import { writeFile } from 'node:fs/promises';
import { workflowBundlePath, makeBundle } from './bundle.js';

/** Writes the two workflow bundles. `npm run build` runs this file. */
for (const encrypted of [false, true])
  await writeFile(workflowBundlePath(encrypted), (await makeBundle(encrypted)).code);
