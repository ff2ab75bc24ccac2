import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode, type WorkflowBundleOption, type WorkflowBundleWithSourceMap } from '@temporalio/worker';
import { BUNDLED_FAILURE_CONVERTER } from '../codec/data-converter.js';

/**
 * Where `npm run build` puts a bundle: beside this file's compiled form. There are two, because how a workflow writes its
 * failures down is part of the bundle: in plain words, or as a payload that can be encrypted.
 */
export function workflowBundlePath(encrypted: boolean): string {
  return fileURLToPath(new URL(`workflow-bundle${encrypted ? '-encrypted' : ''}.js`, import.meta.url));
}

/** The workflows' source: TypeScript when run from the sources, JavaScript when compiled. */
const WORKFLOWS_PATH = fileURLToPath(
  new URL(import.meta.url.endsWith('.ts') ? '../workflows/index.ts' : '../workflows/index.js', import.meta.url),
);

/**
 * The workflow bundle: the one that was built with the program, else one made now.
 *
 * @param encrypted whether the worker has payload keys
 */
export async function findOrMakeBundle(encrypted = false): Promise<WorkflowBundleOption> {
  const codePath = workflowBundlePath(encrypted);
  return existsSync(codePath) ? { codePath } : makeBundle(encrypted);
}

/** Makes a bundle from the workflows' sources. */
export function makeBundle(encrypted: boolean): Promise<WorkflowBundleWithSourceMap> {
  return bundleWorkflowCode({
    workflowsPath: WORKFLOWS_PATH,
    logger: quiet,
    ...(encrypted ? { failureConverterPath: BUNDLED_FAILURE_CONVERTER } : {}),
  });
}

function nothing(): void {}

/** The bundler's own progress is of no interest to a worker's log. */
const quiet = { log: nothing, trace: nothing, debug: nothing, info: nothing, warn: nothing, error: nothing };
