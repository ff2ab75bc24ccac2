import { throwIfInvalid } from '../../tdl/parse.js';
import type { Template } from '../../tdl/types.js';
import { profileFor } from '../../os/registry.js';
import type { InstallerPlan, OsProfile } from '../../os/types.js';
import { FactoryError } from '../../domain/errors.js';
import type { BuildParameters } from '../../domain/parameters.js';
import { installerOf } from '../../planning/plan.js';
import { secretsOf } from '../../planning/secrets.js';
import type { Deps } from './context.js';

/** A document that an earlier step has written; without it the build cannot go on on this worker. */
export async function requiredDocument(deps: Deps, uuid: string, name: string): Promise<Buffer> {
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
export async function parametersOf(deps: Deps, uuid: string): Promise<BuildParameters> {
  return JSON.parse((await requiredDocument(deps, uuid, 'parameters.json')).toString('utf8')) as BuildParameters;
}

/** The template of a build or of a JEOS, from the store. */
export async function templateOf(deps: Deps, uuid: string): Promise<Template> {
  // It was decoded before the build began, and is kept as UTF-8, though its declaration may name another encoding.
  const text = (await requiredDocument(deps, uuid, 'template.tdl')).toString('utf8');
  return throwIfInvalid(text, 'template.tdl');
}

/** The profile of the template's operating system. */
export async function profileOf(deps: Deps, uuid: string): Promise<{ template: Template; profile: OsProfile }> {
  const template = await templateOf(deps, uuid);
  return { template, profile: profileFor(template).profile };
}

/** What of a build's or a JEOS's documents must be masked wherever guests and installers are quoted. */
export async function secretsIn(deps: Deps, uuid: string): Promise<string[]> {
  const template = await templateOf(deps, uuid);
  return secretsOf(template, (await requiredDocument(deps, uuid, 'install_script')).toString('utf8'));
}

/** How the template's installer is booted. */
export async function installerPlanOf(deps: Deps, uuid: string): Promise<InstallerPlan> {
  const { template, profile } = await profileOf(deps, uuid);
  return installerOf(profile, template, await parametersOf(deps, uuid));
}
