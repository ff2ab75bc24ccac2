import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode, type WorkflowBundleOption } from '@temporalio/worker';

/** Where `npm run build` puts the bundle: beside this file's compiled form. */
export const BUNDLE_PATH = fileURLToPath(new URL('workflow-bundle.js', import.meta.url));

/** The workflows' source: TypeScript when run from the sources, JavaScript when compiled. */
export const WORKFLOWS_PATH = fileURLToPath(
  new URL(import.meta.url.endsWith('.ts') ? '../workflows/index.ts' : '../workflows/index.js', import.meta.url),
);

/** The workflow bundle: the one that was built with the program, else one made now. */
export async function workflowBundle(): Promise<WorkflowBundleOption> {
  if (existsSync(BUNDLE_PATH)) return { codePath: BUNDLE_PATH };
  return bundleWorkflowCode({ workflowsPath: WORKFLOWS_PATH, logger: quiet });
}

function nothing(): void {}

/** The bundler's own progress is of no interest to a worker's log. */
export const quiet = { log: nothing, trace: nothing, debug: nothing, info: nothing, warn: nothing, error: nothing };
