import { throwIfInvalid } from '../../tdl/parse.js';
import type { Template } from '../../tdl/types.js';
import { findSystemProfile } from '../../os/registry.js';
import type { InstallerPlan } from '../../os/installer/types.js';
import type { OsProfile } from '../../os/profile/types.js';
import { FactoryError } from '../../domain/errors.js';
import type { BuildParameters } from '../../domain/parameters.js';
import { planInstaller } from '../../planning/plan-system.js';
import type { Deps } from './context.js';

/** Name of the document with the template of a base image that is prepared for a target. */
export const BASE_TEMPLATE = 'base.tdl';

/**
 * The documents of a build or of a JEOS, as the plan wrote them to the store. Each document is read and parsed on its
 * first use, and only once. Each activity must load its own object, because a user who resumes a held build may replace
 * the documents between two activities.
 */
export interface BuildDocuments {
  /** UUID under which the store keeps the documents. */
  readonly uuid: string;
  template(): Promise<Template>;
  /** The template of the base image that is prepared for a target. Undefined in every other build. */
  baseTemplate(): Promise<Template | undefined>;
  /** The profile of the template's operating system. */
  profile(): Promise<OsProfile>;
  /** The parameters, without the install script. */
  parameters(): Promise<BuildParameters>;
  installScript(): Promise<Buffer>;
  /** The plan for booting the template's installer. */
  installerPlan(): Promise<InstallerPlan>;
}

/** Returns the documents of a build or of a JEOS. Reads none of them yet. */
export function loadBuild(deps: Pick<Deps, 'store'>, uuid: string): BuildDocuments {
  const installScript = once(() => readRequiredDocument(deps, uuid, 'install_script'));
  const template = once(async () => {
    // The template in the store is always UTF-8, because the client has decoded it. This is so even if the XML
    // declaration of the template names another encoding.
    const text = (await readRequiredDocument(deps, uuid, 'template.tdl')).toString('utf8');
    return throwIfInvalid(text, 'template.tdl');
  });
  const baseTemplate = once(async () => {
    const text = await deps.store.readDocument(uuid, BASE_TEMPLATE);
    return text === undefined ? undefined : throwIfInvalid(text.toString('utf8'), BASE_TEMPLATE);
  });
  const profile = once(async () => findSystemProfile(await template()));
  const parameters = once(
    async () =>
      JSON.parse((await readRequiredDocument(deps, uuid, 'parameters.json')).toString('utf8')) as BuildParameters,
  );
  const installerPlan = once(async () => planInstaller(await profile(), await template(), await parameters()));
  return { uuid, template, baseTemplate, profile, parameters, installScript, installerPlan };
}

function once<T>(load: () => Promise<T>): () => Promise<T> {
  let loading: Promise<T> | undefined;
  return () => (loading ??= load());
}

/**
 * Reads a document that an earlier step wrote.
 * @throws FactoryError StoreFailed when the store of this worker does not have the document
 */
export async function readRequiredDocument(deps: Pick<Deps, 'store'>, uuid: string, name: string): Promise<Buffer> {
  const document = await deps.store.readDocument(uuid, name);
  if (document !== undefined) return document;
  throw new FactoryError(
    'StoreFailed',
    `the store of this worker (${deps.store.directory}) has no ${name} of build ${uuid}`,
    {
      hint: 'all workers of a task queue must share one storage directory',
    },
  );
}
