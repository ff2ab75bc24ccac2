import { writeFile } from 'node:fs/promises';
import { bundlePath, makeBundle } from './bundle.js';

/** Writes the workflow bundles; run by `npm run build`. */
for (const encrypted of [false, true]) await writeFile(bundlePath(encrypted), (await makeBundle(encrypted)).code);
