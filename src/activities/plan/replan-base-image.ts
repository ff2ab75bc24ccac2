import { FactoryError } from '../../domain/errors.js';
import type { BuildParameters, ParameterName } from '../../domain/parameters.js';
import type { Deps } from '../shared/context.js';
import { preparePlan, storePlan, type PlanBaseImageInput } from './plan-base-image.js';
import type { PlannedBuild } from './planned-build.js';

/** The input of a new plan for a held build. */
export interface ReplanBaseImageInput extends PlanBaseImageInput {
  previousPlan: PlannedBuild;
  previousParameters: BuildParameters;
  /** Names of the steps that are done or skipped. */
  doneSteps: string[];
}

/** Maps each step to the parameters that it uses. A user cannot change these after the step is done. */
const USED_BY: Record<string, ParameterName[]> = {
  jeos: ['reuse_jeos'],
  'customise.volumes': ['volume_type'],
  'customise.create': ['flavor', 'network', 'availability_zone', 'config_drive'],
  address: ['request_floating_ip'],
  ssh: ['default_user'],
  // Without `generate_icicle` there is no step `icicle`, so this table names the step after it, `clean`.
  clean: ['generate_icicle'],
  'base.publish': ['image_name', 'public'],
};

/**
 * Plans a held build again, with another template or other parameters. Everything that has run must stay the same, or
 * the image would differ from its template.
 * @throws FactoryError InvalidParameter when something that has run is now changed; the message names the first such
 *   change. Also every error of planBaseImage.
 */
export async function replanBaseImage(deps: Deps, input: ReplanBaseImageInput): Promise<PlannedBuild> {
  const prepared = await preparePlan(deps, input);
  rejectUsedParameters(input, prepared.parameters);
  if ((input.previousPlan.givenImage === undefined) !== (prepared.planned.givenImage === undefined)) {
    rejectChange('parameter jeos is changed: a build cannot begin to install its system, or stop doing so');
  }
  if (input.doneSteps.includes('jeos')) rejectOtherJeos(input.previousPlan, prepared.planned);
  rejectChangedSteps(input, prepared.planned);
  await storePlan(deps, input, prepared);
  return prepared.planned;
}

function rejectChange(message: string): never {
  throw new FactoryError('InvalidParameter', message, {
    hint:
      'steps that have run cannot be replaced: leave them as they were, ' +
      'or abort this build and start another one, which reuses the JEOS',
  });
}

/** Describes what the template has now in the place of a step. */
function describeChange({ name }: { name: string }, now: { name: string; title: string } | undefined): string {
  if (now === undefined) return 'is no longer in the template';
  if (now.name === name) return 'is changed in the template';
  return `the template has ${now.name} (${now.title}) in its place`;
}

function rejectUsedParameters({ doneSteps, previousParameters }: ReplanBaseImageInput, after: BuildParameters): void {
  for (const step of doneSteps) {
    const changed = USED_BY[step]?.find((name) => previousParameters[name] !== after[name]);
    if (changed !== undefined) rejectChange(`parameter ${changed} is changed, but step ${step} has already used it`);
  }
}

function rejectOtherJeos(before: PlannedBuild, after: PlannedBuild): void {
  if (before.jeosDigest === after.jeosDigest) return;
  rejectChange(
    'the operating system is already installed, but an input of the installation is changed: ' +
      'the template’s <os> or <disk>, the install script, the image in parameter jeos, the flavor, or a checksum',
  );
}

function rejectChangedSteps({ previousPlan, doneSteps }: ReplanBaseImageInput, after: PlannedBuild): void {
  previousPlan.guestSteps.forEach((step, index) => {
    if (!doneSteps.includes(step.name)) return;
    const now = after.guestSteps[index];
    if (now?.digest === step.digest) return;
    rejectChange(`${step.name} (${step.title}) has already run, but ${describeChange(step, now)}`);
  });
  const added = after.guestSteps[previousPlan.guestSteps.length];
  const isCustomised =
    doneSteps.includes('ssh') && previousPlan.guestSteps.every(({ name }) => doneSteps.includes(name));
  if (isCustomised && added !== undefined)
    rejectChange(
      `${added.name} (${added.title}) is new in the template, ` +
        `but the build has already finished the steps of the template`,
    );
}
