import { type BootMachine, KVM_MACHINE } from '../../domain/boot-machines.js';
import { FactoryError } from '../../domain/errors.js';
import type { BuildRef } from '../../domain/names.js';
import { HEARTBEAT_TIMEOUT } from '../../domain/heartbeat.js';
import type { PreparedImageInput } from '../../domain/prepared-image.js';
import type { BuildRecord } from '../../domain/record.js';
import type { TargetImageInput } from '../../domain/target-image-input.js';
import { checkBootable, checkDiskSize } from '../../formats/index.js';
import { findFamily } from '../../os/registry.js';
import { explainUnusableBase } from '../../domain/base-of-target.js';
import type { Image } from '../../openstack/types.js';
import { buildInitialRecord } from '../records/initial-record.js';
import { findOutput, readOutput } from './output.js';
import { describeOptions } from '../records/inputs.js';
import { findTarget } from '../../domain/find-target.js';
import { type FormatName, isRootFormat } from '../../domain/target-formats.js';
import type { Target } from '../../domain/targets.js';
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
  /** What OpenStack says of the guest, by its property names: `hw_machine_type`, `os_distro`. */
  guestProperties?: Record<string, string>;
  target: string;
  format: FormatName;
  /** The machine in which `verify boot` boots the image. */
  machine: BootMachine;
  source: SourceImage;
  /** What is done in the guest before the conversion. Unset when the base image is converted as it is. */
  preparation?: PreparedImageInput;
  /** The instance whose root file system is taken. Unset when the format holds a disk. */
  root?: RootPlan;
  /** Path of the converted file. */
  bodyPath: string;
  /** Whether an earlier run of this build has left the converted file. */
  isConverted: boolean;
}

/**
 * Checks the target and the base image, and writes the first record of the target image.
 *
 * @throws FactoryError InvalidParameter when there is no such target or it cannot be booted here, NotFound when the
 *   base image has no record or no bytes, Conflict when the base image is not complete, ImageFailed when its disk is
 *   too large for the target
 */
export async function planTargetImage(deps: Deps, { ref, input }: PlanTargetImageInput): Promise<PlannedTarget> {
  const wanted = findTarget(input.target);
  const { name: target, format, machine = KVM_MACHINE } = wanted;
  const base = await findBaseImage(deps, input.baseImage);
  if (!isRootFormat(format)) checkDiskSize({ virtualSize: (base.min_disk ?? 0) * 1024 ** 3 }, format);
  const isConverted = (await (isRootFormat(format) ? readOutput : findOutput)(deps, ref.uuid)) !== undefined;
  await writeFirstRecord(deps, isConverted, () =>
    buildInitialRecord(deps, ref, {
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
      parent: { id: base.identifier, digest: base.checksum },
      inputs: [describeOptions(input.parameters)],
      format,
    }),
  );
  const image = await findSource(deps, ref.cloud, base);
  // The image says with which firmware its machines start; the build may have chosen it without a parameter.
  const firmware = image['hw_firmware_type'] === 'uefi' ? 'uefi' : 'bios';
  if (input.parameters.verify === 'boot') await checkBoot(wanted, { machine, firmware, os: base.os });
  const source = describeSource(image);
  const { parameters, heartbeatTimeout = HEARTBEAT_TIMEOUT } = input;
  const preparation = await planPreparedImage(deps, {
    ref,
    base,
    source,
    target: wanted,
    parameters,
    heartbeatTimeout,
  });
  const root = isRootFormat(format)
    ? await planRoot(deps, ref, { base, target, isPrepared: preparation !== undefined })
    : undefined;
  return {
    name: base.name,
    imageName: `${base.name}-${target}`,
    os: base.os,
    firmware,
    secureBoot: image['os_secure_boot'] === 'required',
    guestProperties: readGuestProperties(image),
    target,
    format,
    machine,
    source,
    ...(preparation === undefined ? {} : { preparation }),
    ...(root === undefined ? {} : { root }),
    bodyPath: deps.store.bodyPath(ref.uuid),
    isConverted,
  };
}

/**
 * Writes the first record of the image. The record of an image that is complete stays as it is: this run only finds the
 * image again, as after a reset of its workflow.
 */
async function writeFirstRecord(
  { store }: Pick<Deps, 'store'>,
  isConverted: boolean,
  build: () => Promise<BuildRecord>,
): Promise<void> {
  const first = await build();
  const earlier = await store.readRecord(first.identifier);
  if (isConverted && earlier?.status === 'COMPLETE') return;
  await store.writeRecord(first);
}

/** Checks whether this worker's machine can boot the image, before anything is downloaded. */
async function checkBoot(
  { name, format, noMachine }: Target,
  { machine, firmware, os }: Pick<PlannedTarget, 'machine' | 'firmware' | 'os'>,
): Promise<void> {
  const reason =
    noMachine ?? (findFamily(os.name)?.family === 'windows' ? 'Windows says nothing on a serial console' : undefined);
  if (reason !== undefined) {
    throw new FactoryError('InvalidParameter', `verify boot cannot boot the image for ${name}: ${reason}`, {
      hint: 'leave out verify boot: the disk is compared anyway',
    });
  }
  await checkBootable(format, { machine, firmware, arch: os.arch });
}

async function findBaseImage(deps: Pick<Deps, 'store'>, uuid: string): Promise<BuildRecord> {
  const record = await deps.store.readRecord(uuid);
  if (record === undefined) {
    throw new FactoryError('NotFound', `the store of the worker has no image ${uuid}`, {
      hint: 'imagefactory images lists the images; --id takes the UUID of a base image',
    });
  }
  const unusable = explainUnusableBase(record);
  if (unusable === undefined) return record;
  const { why, message, hint } = unusable;
  throw new FactoryError(why === 'other kind' ? 'InvalidParameter' : 'Conflict', message, { hint });
}

/** The properties of an image that describe its guest. Others describe the image itself: `os_hash_value`. */
const GUEST_PROPERTY = /^(hw_\w+|architecture|os_(distro|version|type|admin_user|secure_boot|require_quiesce))$/;

function readGuestProperties(image: Image): Record<string, string> {
  const entries = Object.entries(image).filter(
    (entry): entry is [string, string] => GUEST_PROPERTY.test(entry[0]) && typeof entry[1] === 'string',
  );
  return Object.fromEntries(entries);
}

/** Finds the image in Glance that has the bytes of a base image. */
async function findSource(deps: Deps, cloudName: string, base: BuildRecord): Promise<Image> {
  const { glance_id: id, identifier } = base;
  const hint = 'build the base image again: imagefactory base_image TEMPLATE';
  if (id === null) {
    throw new FactoryError('NotFound', `base image ${identifier} has no image in Glance, so it cannot be converted`, {
      hint,
    });
  }
  const { image } = deps.clouds.get(cloudName);
  const found = await image.getImage(id, { signal: cancellationSignal() });
  if (found?.status === 'active') return found;
  const state = found === undefined ? 'is not in Glance any more' : `is ${found.status} in Glance, not active`;
  throw new FactoryError('NotFound', `image ${id} of base image ${identifier} ${state} on cloud ${cloudName}`, {
    hint,
  });
}
