import { throwIfInvalid } from '../tdl/parse.js';
import type { Template } from '../tdl/types.js';
import { profileFor } from '../os/index.js';
import type { InstallerPlan, OsProfile } from '../os/types.js';
import { installerOf } from '../build/plan.js';
import { secretsOf } from '../build/secrets.js';
import type { Deps } from './context.js';
import { parametersOf, requiredDocument } from './user-data.js';

/** The template of a build or of a JEOS, from the store. */
export async function templateOf(deps: Deps, uuid: string): Promise<Template> {
  return throwIfInvalid(await requiredDocument(deps, uuid, 'template.tdl'), 'template.tdl');
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
