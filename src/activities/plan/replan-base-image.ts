import { FactoryError } from '../../domain/errors.js';
import type { BuildParameters, ParameterName } from '../../domain/parameters.js';
import type { Deps } from '../shared/context.js';
import { preparePlan, storePlan, type PlanBaseImage } from './plan-base-image.js';
import type { PlannedBuild } from './planned-build.js';

/** A plan for a build under way: what has run must be in it as it was. */
export interface ReplanBaseImage extends PlanBaseImage {
  before: PlannedBuild;
  /** The parameters until now. */
  parameters: BuildParameters;
  /** Names of the steps that are done or left out. */
  done: string[];
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
export async function replanBaseImage(deps: Deps, input: ReplanBaseImage): Promise<PlannedBuild> {
  const prepared = await preparePlan(deps, input);
  refuseUsed(input, prepared.parameters);
  if (input.done.includes('jeos')) refuseOtherJeos(input.before, prepared.planned);
  refuseOtherSteps(input, prepared.planned);
  await storePlan(deps, input, prepared);
  return prepared.planned;
}

function refuse(message: string): never {
  throw new FactoryError('InvalidParameter', message, {
    hint: 'what has run cannot be replaced: leave it as it was, or abort this build and start another (its JEOS is reused)',
  });
}

function refuseUsed({ done, parameters: before }: ReplanBaseImage, after: BuildParameters): void {
  for (const step of done) {
    const changed = USED_BY[step]?.find((name) => before[name] !== after[name]);
    if (changed !== undefined) refuse(`parameter ${changed} is changed, but ${step} has already used it`);
  }
}

function refuseOtherJeos(before: PlannedBuild, after: PlannedBuild): void {
  if (before.jeosDigest === after.jeosDigest) return;
  refuse(
    'the operating system is already installed, and what shapes the installation is changed: the template’s <os> or <disk>, the install script, the flavor, or a checksum',
  );
}

function refuseOtherSteps({ before, done }: ReplanBaseImage, after: PlannedBuild): void {
  before.guestSteps.forEach((step, index) => {
    if (!done.includes(step.name)) return;
    const now = after.guestSteps[index];
    if (now?.digest === step.digest) return;
    const instead = now === undefined ? 'is gone from the template' : `is changed, or has ${now.name} in its place`;
    refuse(`${step.name} (${step.title}) has already run, and ${instead}`);
  });
  const added = after.guestSteps[before.guestSteps.length];
  const isCustomised = done.includes('ssh') && before.guestSteps.every(({ name }) => done.includes(name));
  if (isCustomised && added !== undefined)
    refuse(`${added.name} (${added.title}) is new in the template, but its steps are over`);
}
