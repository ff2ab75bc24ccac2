import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode, type WorkflowBundleOption, type WorkflowBundleWithSourceMap } from '@temporalio/worker';
import { BUNDLED_FAILURE_CONVERTER } from '../codec/data-converter.js';

/**
 * Returns the path where `npm run build` writes a bundle: in the folder of this file's compiled form. There are two
 * bundles, because the failure converter is part of the bundle: failures as plain text, or as payloads to encrypt.
 */
export function workflowBundlePath(encrypted: boolean): string {
  return fileURLToPath(new URL(`workflow-bundle${encrypted ? '-encrypted' : ''}.js`, import.meta.url));
}

/** The workflows' entry file: TypeScript when this file runs from its source, JavaScript when it is compiled. */
const WORKFLOWS_PATH = fileURLToPath(
  new URL(import.meta.url.endsWith('.ts') ? '../workflows/index.ts' : '../workflows/index.js', import.meta.url),
);

/**
 * Returns the workflow bundle that was built with the program; without one, makes it now.
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
