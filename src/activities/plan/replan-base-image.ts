import { FactoryError } from '../../domain/errors.js';
import type { BuildParameters, ParameterName } from '../../domain/parameters.js';
import type { Deps } from '../shared/context.js';
import { preparePlan, storePlan, type PlanBaseImageInput } from './plan-base-image.js';
import type { PlannedBuild } from './planned-build.js';

/** A plan for a build under way: what has run must be in it as it was. */
export interface ReplanBaseImageInput extends PlanBaseImageInput {
  previousPlan: PlannedBuild;
  previousParameters: BuildParameters;
  /** Names of the steps that are done or skipped. */
  doneSteps: string[];
}

/** The parameters that nothing asks for any more once a step is done. */
const USED_BY: Record<string, ParameterName[]> = {
  jeos: ['reuse_jeos'],
  'customise.volumes': ['volume_type'],
  'customise.create': ['flavor', 'network', 'availability_zone', 'config_drive'],
  address: ['request_floating_ip'],
  ssh: ['default_user'],
  // Where no list is asked for there is no step that makes one; this is the next.
  clean: ['generate_icicle'],
  'base.publish': ['image_name', 'public'],
};

/**
 * Plans a held build anew, with another template or other parameters. What has run already must be the same, or the image
 * would not be what its template says.
 *
 * @throws FactoryError InvalidParameter naming the first part that has run and is changed, and what planBaseImage throws
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
    hint: 'what has run cannot be replaced: leave it as it was, or abort this build and start another (its JEOS is reused)',
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
    'the operating system is already installed, and what shapes the installation is changed: the template’s <os> or <disk>, the install script, the flavor, or a checksum',
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
