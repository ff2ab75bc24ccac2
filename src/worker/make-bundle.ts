import { writeFile } from 'node:fs/promises';
import { workflowBundlePath, makeBundle } from './bundle.js';

/** Writes the workflow bundles; run by `npm run build`. */
for (const encrypted of [false, true])
  await writeFile(workflowBundlePath(encrypted), (await makeBundle(encrypted)).code);
