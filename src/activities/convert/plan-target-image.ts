import { FactoryError } from '../../domain/errors.js';
import type { BuildRef } from '../../domain/names.js';
import { HEARTBEAT_TIMEOUT } from '../../domain/heartbeat.js';
import type { PreparedImageInput } from '../../domain/prepared-image.js';
import type { BuildRecord } from '../../domain/record.js';
import type { TargetImageInput } from '../../domain/target-image-input.js';
import { findTarget, type FormatName, isRootFormat } from '../../domain/targets.js';
import type { Image } from '../../openstack/types.js';
import { buildInitialRecord } from '../records/initial-record.js';
import { planRoot, type RootPlan } from './plan-root.js';
import { planPreparedImage } from '../prepare/plan-prepared-image.js';
import { describeSource, type SourceImage } from '../images/source-image.js';
import { cancellationSignal, type Deps } from '../shared/context.js';

export interface PlanTargetImageInput {
  ref: BuildRef;
  input: TargetImageInput;
}

/** What a target image is made from, and what it becomes. */
export interface PlannedTarget {
  /** Name of the base image's template. */
  name: string;
  /** Name of the image, also inside of archives: `<template>-<target>`. */
  imageName: string;
  os: { name: string; version: string; arch: string };
  firmware: 'bios' | 'uefi';
  secureBoot: boolean;
  target: string;
  format: FormatName;
  source: SourceImage;
  /** What is done in the guest before the conversion. Unset when the base image is converted as it is. */
  preparation?: PreparedImageInput;
  /** The instance whose root file system is taken. Unset when the format holds a disk. */
  root?: RootPlan;
  /** Path of the converted file. */
  bodyPath: string;
}

/**
 * Checks the target and the base image, and writes the first record of the target image.
 *
 * @throws FactoryError InvalidParameter when there is no such target, NotFound when the base image has no record or no
 *   bytes, Conflict when the base image is not complete
 */
export async function planTargetImage(deps: Deps, { ref, input }: PlanTargetImageInput): Promise<PlannedTarget> {
  const found = findTarget(input.target);
  const { name: target, format } = found;
  const base = await findBaseImage(deps, input.baseImage);
  await deps.store.writeRecord(
    await buildInitialRecord(deps, ref, {
      type: 'TargetImage',
      template: base.template,
      icicle: base.icicle,
      parameters: { ...input.parameters },
      name: base.name,
      os: base.os,
      min_disk: base.min_disk,
      jeos: base.jeos,
      packages: base.packages,
      package_details: base.package_details,
      icicle_warning: base.icicle_warning,
      target,
      base_image_id: base.identifier,
      base_image_checksum: base.checksum,
      format,
    }),
  );
  const source = describeSource(await findSource(deps, ref.cloud, base));
  const { parameters, heartbeatTimeout = HEARTBEAT_TIMEOUT } = input;
  const preparation = await planPreparedImage(deps, { ref, base, source, target: found, parameters, heartbeatTimeout });
  const root = isRootFormat(format)
    ? await planRoot(deps, ref, { base, target, isPrepared: preparation !== undefined })
    : undefined;
  const { firmware, secure_boot: secureBoot } = base.parameters;
  return {
    name: base.name,
    imageName: `${base.name}-${target}`,
    os: base.os,
    firmware: firmware === 'uefi' ? 'uefi' : 'bios',
    secureBoot: secureBoot === true,
    target,
    format,
    source,
    ...(preparation === undefined ? {} : { preparation }),
    ...(root === undefined ? {} : { root }),
    bodyPath: deps.store.bodyPath(ref.uuid),
  };
}

async function findBaseImage(deps: Pick<Deps, 'store'>, uuid: string): Promise<BuildRecord> {
  const record = await deps.store.readRecord(uuid);
  if (record === undefined) {
    throw new FactoryError('NotFound', `the store of the worker has no image ${uuid}`, {
      hint: 'imagefactory images lists the images; --id takes the UUID of a base image',
    });
  }
  if (record.type !== 'BaseImage') {
    throw new FactoryError('InvalidParameter', `image ${uuid} is no base image, but a ${record.type}`, {
      hint: `target images are made from base images, such as ${record.base_image_id ?? 'those of imagefactory images'}`,
    });
  }
  if (record.status !== 'COMPLETE') {
    throw new FactoryError('Conflict', `base image ${uuid} is ${record.status}, not COMPLETE`, {
      hint: `imagefactory watch ${uuid} follows its build; imagefactory resume ${uuid} continues one that has failed`,
    });
  }
  return record;
}

/** Finds the image in Glance that has the bytes of a base image. */
async function findSource(deps: Deps, cloudName: string, base: BuildRecord): Promise<Image> {
  const id = base.glance_id ?? '';
  const { image } = deps.clouds.get(cloudName);
  const found = await image.getImage(id, { signal: cancellationSignal() });
  if (found?.status === 'active') return found;
  const state = found === undefined ? 'is not in Glance any more' : `is ${found.status} in Glance, not active`;
  throw new FactoryError('NotFound', `image ${id} of base image ${base.identifier} ${state} on cloud ${cloudName}`, {
    hint: 'build the base image again: imagefactory base_image TEMPLATE',
  });
}
