import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode, type WorkflowBundleOption, type WorkflowBundleWithSourceMap } from '@temporalio/worker';
import { BUNDLED_FAILURE_CONVERTER } from '../codec/data-converter.js';

/**
 * Returns the path of a workflow bundle, which `npm run build` writes into the folder of this compiled file. There are
 * two bundles, because each bundle contains its failure converter: one converter writes failures as plain text, the
 * other writes them as payloads, which the worker encrypts.
 */
export function workflowBundlePath(encrypted: boolean): string {
  return fileURLToPath(new URL(`workflow-bundle${encrypted ? '-encrypted' : ''}.js`, import.meta.url));
}

/**
 * Path of the workflows' entry file: TypeScript when this file runs from its source, JavaScript when it is compiled.
 */
const WORKFLOWS_PATH = fileURLToPath(
  new URL(import.meta.url.endsWith('.ts') ? '../workflows/index.ts' : '../workflows/index.js', import.meta.url),
);

/**
 * Returns the workflow bundle that was built with the program. If there is none, makes one now.
 *
 * @param encrypted whether the worker has payload keys
 */
export async function findOrMakeBundle(encrypted = false): Promise<WorkflowBundleOption> {
  const codePath = workflowBundlePath(encrypted);
  return existsSync(codePath) ? { codePath } : makeBundle(encrypted);
}

/** Makes a workflow bundle. */
export function makeBundle(encrypted: boolean): Promise<WorkflowBundleWithSourceMap> {
  return bundleWorkflowCode({
    workflowsPath: WORKFLOWS_PATH,
    logger: quiet,
    ...(encrypted ? { failureConverterPath: BUNDLED_FAILURE_CONVERTER } : {}),
  });
}

function nothing(): void {}

/** Keeps the bundler's progress messages out of the worker's log. */
const quiet = { log: nothing, trace: nothing, debug: nothing, info: nothing, warn: nothing, error: nothing };
