import { throwIfInvalid } from '../../tdl/parse.js';
import type { Template } from '../../tdl/types.js';
import { findProfile } from '../../os/registry.js';
import type { InstallerPlan } from '../../os/installer/types.js';
import type { OsProfile } from '../../os/profile/types.js';
import { FactoryError } from '../../domain/errors.js';
import type { BuildParameters } from '../../domain/parameters.js';
import { planInstaller } from '../../planning/plan.js';
import { findSecrets } from '../../planning/secrets.js';
import type { Deps } from './context.js';

/** A document that an earlier step has written; without it the build cannot go on on this worker. */
export async function loadDocument(deps: Deps, uuid: string, name: string): Promise<Buffer> {
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

/** The parameters of a build or a JEOS, as the plan wrote them down. */
export async function loadParameters(deps: Deps, uuid: string): Promise<BuildParameters> {
  return JSON.parse((await loadDocument(deps, uuid, 'parameters.json')).toString('utf8')) as BuildParameters;
}

/** The template of a build or of a JEOS, from the store. */
export async function loadTemplate(deps: Deps, uuid: string): Promise<Template> {
  // It was decoded before the build began, and is kept as UTF-8, though its declaration may name another encoding.
  const text = (await loadDocument(deps, uuid, 'template.tdl')).toString('utf8');
  return throwIfInvalid(text, 'template.tdl');
}

/** The profile of the template's operating system. */
export async function loadProfile(deps: Deps, uuid: string): Promise<{ template: Template; profile: OsProfile }> {
  const template = await loadTemplate(deps, uuid);
  return { template, profile: findProfile(template).profile };
}

/** What of a build's or a JEOS's documents must be masked wherever guests and installers are quoted. */
export async function loadSecrets(deps: Deps, uuid: string): Promise<string[]> {
  const template = await loadTemplate(deps, uuid);
  return findSecrets(template, (await loadDocument(deps, uuid, 'install_script')).toString('utf8'));
}

/** How the template's installer is booted. */
export async function loadInstallerPlan(deps: Deps, uuid: string): Promise<InstallerPlan> {
  const { template, profile } = await loadProfile(deps, uuid);
  return planInstaller(profile, template, await loadParameters(deps, uuid));
}
