import { FactoryError } from '../../domain/errors.js';
import type { BuildRef } from '../../domain/names.js';
import type { BuildParameters } from '../../domain/parameters.js';
import type { InstancePlan } from '../../domain/prepared-image.js';
import type { BuildRecord } from '../../domain/record.js';
import { findProfile } from '../../os/registry.js';
import { throwIfInvalid } from '../../tdl/parse.js';
import { planInstance, requireInstance } from '../plan/plan-instance.js';
import type { Deps } from '../shared/context.js';

/** How an instance is booted whose root file system is taken. */
export interface RootPlan {
  instance: InstancePlan;
  /** Those of the base image's own build. */
  parameters: BuildParameters;
  /** GiB of the base image's disk. */
  minDisk: number;
}

/** GiB of the disk of a base image whose record has no size, or 0: Glance's value for "not known". */
const USUAL_DISK = 256;

/**
 * Plans the instance of a base image whose root file system is taken, and writes the documents for it.
 *
 * @param isPrepared whether the base image is prepared for the target: its plan has written the documents already
 * @throws FactoryError InvalidParameter when the system is no Linux; the errors of `planInstance`
 */
export async function planRoot(
  deps: Deps,
  ref: BuildRef,
  { base, target, isPrepared }: { base: BuildRecord; target: string; isPrepared: boolean },
): Promise<RootPlan> {
  const { profile } = findProfile(throwIfInvalid(base.template, `the template of base image ${base.identifier}`));
  if (profile.shell === 'powershell' || profile.family === 'freebsd') {
    throw new FactoryError('InvalidParameter', `target ${target}: ${base.os.name} is no Linux`, {
      hint: 'take a target that holds a disk, such as qcow2 or raw',
    });
  }
  requireInstance(base, 'import the disk again without --no-boot, so that an instance of it is known to work');
  const { plan, parameters } = await planInstance(deps, base, profile);
  if (!isPrepared) {
    await deps.store.writeDocument(ref.uuid, 'template.tdl', base.template);
    await deps.store.writeDocument(ref.uuid, 'parameters.json', JSON.stringify(parameters));
  }
  return { instance: { ...plan, guestSteps: [] }, parameters, minDisk: base.min_disk || USUAL_DISK };
}
