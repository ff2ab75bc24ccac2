import { FactoryError } from '../../domain/errors.js';
import type { BuildParameters, ParameterName } from '../../domain/parameters.js';
import type { Deps } from '../shared/context.js';
import { preparePlan, storePlan, type PlanBaseImageInput } from './plan-base-image.js';
import type { PlannedBuild } from './planned-build.js';

/** Input of a new plan for a build that is held: everything that has run must stay as it was. */
export interface ReplanBaseImageInput extends PlanBaseImageInput {
  previousPlan: PlannedBuild;
  previousParameters: BuildParameters;
  /** Names of the steps that are done or skipped. */
  doneSteps: string[];
}

/** For each step, the parameters that it uses and that cannot change once it is done. */
const USED_BY: Record<string, ParameterName[]> = {
  jeos: ['reuse_jeos'],
  'customise.volumes': ['volume_type'],
  'customise.create': ['flavor', 'network', 'availability_zone', 'config_drive'],
  address: ['request_floating_ip'],
  ssh: ['default_user'],
  // Without generate_icicle no step lists the packages; `clean` is the step after it.
  clean: ['generate_icicle'],
  'base.publish': ['image_name', 'public'],
};

/**
 * Plans a held build again, with another template or other parameters. Everything that has run must stay the same, or
 * the image would differ from its template.
 * @throws FactoryError InvalidParameter that names the first changed part that has run; and everything that
 *   planBaseImage throws
 */
export async function replanBaseImage(deps: Deps, input: ReplanBaseImageInput): Promise<PlannedBuild> {
  const prepared = await preparePlan(deps, input);
  rejectUsedParameters(input, prepared.parameters);
  if (input.doneSteps.includes('jeos')) rejectOtherJeos(input.previousPlan, prepared.planned);
  rejectChangedSteps(input, prepared.planned);
  await storePlan(deps, input, prepared);
  return prepared.planned;
}

function rejectChange(message: string): never {
  throw new FactoryError('InvalidParameter', message, {
    hint:
      'steps that have run cannot be replaced: leave them as they were, ' +
      'or abort this build and start another (its JEOS is reused)',
  });
}

function rejectUsedParameters({ doneSteps, previousParameters }: ReplanBaseImageInput, after: BuildParameters): void {
  for (const step of doneSteps) {
    const changed = USED_BY[step]?.find((name) => previousParameters[name] !== after[name]);
    if (changed !== undefined) rejectChange(`parameter ${changed} is changed, but ${step} has already used it`);
  }
}

function rejectOtherJeos(before: PlannedBuild, after: PlannedBuild): void {
  if (before.jeosDigest === after.jeosDigest) return;
  rejectChange(
    'the operating system is already installed, and a part that shapes the installation is changed: ' +
      'the template’s <os> or <disk>, the install script, the flavor, or a checksum',
  );
}

function rejectChangedSteps({ previousPlan, doneSteps }: ReplanBaseImageInput, after: PlannedBuild): void {
  previousPlan.guestSteps.forEach((step, index) => {
    if (!doneSteps.includes(step.name)) return;
    const now = after.guestSteps[index];
    if (now?.digest === step.digest) return;
    const instead = now === undefined ? 'is gone from the template' : `is changed, or has ${now.name} in its place`;
    rejectChange(`${step.name} (${step.title}) has already run, and ${instead}`);
  });
  const added = after.guestSteps[previousPlan.guestSteps.length];
  const isCustomised =
    doneSteps.includes('ssh') && previousPlan.guestSteps.every(({ name }) => doneSteps.includes(name));
  if (isCustomised && added !== undefined)
    rejectChange(`${added.name} (${added.title}) is new in the template, but its steps are over`);
}
