import { writeFile } from 'node:fs/promises';
import { bundleWorkflowCode } from '@temporalio/worker';
import { BUNDLE_PATH, quiet, WORKFLOWS_PATH } from './bundle.js';

/** Writes the workflow bundle; run by `npm run build`. */
const { code } = await bundleWorkflowCode({ workflowsPath: WORKFLOWS_PATH, logger: quiet });
await writeFile(BUNDLE_PATH, code);
