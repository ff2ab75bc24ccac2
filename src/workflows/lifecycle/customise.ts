import type { ImageKind } from '../../domain/image-kinds.js';
import type { BuildParameters } from '../../domain/parameters.js';
import type { FoundJeos } from '../../activities/installer/wait-for-jeos.js';
import type { GuestLocation } from '../../activities/guest/guest-location.js';
import type { WrittenIcicle } from '../../activities/guest/write-icicle.js';
import type { PlannedBuild } from '../../activities/plan/planned-build.js';
import type { BuildContext } from './build-context.js';
import { createVolumesIfNeeded } from './capture-image.js';
import type { Step } from './step-runner.js';

/** The plan of an instance that is booted from an image, and of the steps that run in its guest. */
type GuestPlan = Pick<
  PlannedBuild,
  'flavorId' | 'networkId' | 'instanceDigest' | 'user' | 'queueId' | 'volumes' | 'guestSteps'
>;

/** The parameters that the customisation of a guest uses. */
type GuestParameters = Pick<
  BuildParameters,
  | 'default_user'
  | 'command_prefix'
  | 'request_floating_ip'
  | 'quota_timeout'
  | 'command_timeout'
  | 'generate_icicle'
  | 'rerunnable_commands'
>;

/** An image that an instance is booted from, with the words for it in the titles of steps. */
export interface BootedImage extends FoundJeos {
  title: string;
}

/**
 * A build that boots an image and works in its guest. A user who resumes a held build may change plan and parameters,
 * so no step may keep a copy of them.
 */
export interface GuestBuild extends Pick<BuildContext<ImageKind>, 'ref' | 'steps'> {
  readonly context: Pick<BuildContext<ImageKind>, 'ticket'>;
  readonly status: BuildContext<ImageKind>['status'];
  readonly plan: GuestPlan;
  readonly parameters: GuestParameters;
  /** Returns where the guest is and how to log in. The function itself is undefined until the guest has an address. */
  locateGuest: LocateGuest | undefined;
  /** Whether the step with this index must run again, even if it has already run in the guest. Default: no step. */
  isForcedToRerun?(index: number): boolean;
}

/** An instance that is customised and powered off. */
export interface CustomisedInstance {
  serverId: string;
  packages: number;
  /** Id of the volume that is the instance's disk. Unset when the disk is not a volume. */
  volumeId?: string;
}

/**
 * Returns where the guest is and how to log in. Each step calls this function again, because a user who resumes a held
 * build may change parameter `default_user`.
 */
export type LocateGuest = () => GuestLocation;

/**
 * Boots an image, customises the guest over SSH in the template's order, lists its packages, removes the machine's
 * identity, and shuts the guest down.
 *
 * @param check a check of the guest, which runs before the machine's identity is removed. Default: none.
 */
export async function customise(
  build: GuestBuild,
  image: BootedImage,
  check?: (locateGuest: LocateGuest) => Promise<void>,
): Promise<CustomisedInstance> {
  const { ref, steps } = build;
  const { serverId, volumeId, locateGuest } = await bootInstance(build, image);
  await runTemplateSteps(build, locateGuest);
  const packages = await listPackages(build, locateGuest);
  await check?.(locateGuest);
  await steps.run(
    { name: 'clean', title: 'remove the machine’s identity from the guest', budget: { total: 1800 } },
    'cleanGuest',
    (round) => ({ ref, guest: locateGuest(), round }),
  );
  await steps.runWithDeadline(
    'shutdown_timeout',
    { name: 'shutdown', title: 'remove the build’s key and shut the guest down' },
    'shutDownGuest',
    (deadline) => ({ ref, guest: locateGuest(), deadline }),
  );
  return { serverId, packages, ...(volumeId === undefined ? {} : { volumeId }) };
}

/**
 * The number of steps of {@link customise} in addition to the template's: access, instance, address, SSH, package list,
 * identity, shutdown.
 */
export const OWN_STEPS = 7;

/** An instance that runs, and its guest, in which the build can log in. */
interface BootedInstance {
  serverId: string;
  /** Id of the volume that is the instance's disk. Undefined when the disk is not a volume. */
  volumeId: string | undefined;
  locateGuest: LocateGuest;
}

/** Boots an instance from an image, and waits until the build can log in. The clean-up of the build removes it. */
export async function bootInstance(build: GuestBuild, { title, ...jeos }: BootedImage): Promise<BootedInstance> {
  const { ref, status, steps, context } = build;
  const access = await steps.run(
    { name: 'access', title: 'create the build’s SSH key pair and its security group' },
    'createSshAccess',
    { ref },
  );
  const planned = build.plan.volumes?.root;
  // The plan does not know the size of an image that comes from a file.
  const size = planned === undefined ? undefined : Math.max(planned, jeos.minDisk ?? 0);
  const volumes = await createVolumesIfNeeded(build, 'customise.volumes', {
    documentsId: ref.uuid,
    ...(size === undefined ? {} : { root: { imageId: jeos.imageId, size } }),
    media: [],
    timeout: build.parameters.quota_timeout,
  });
  const { serverId } = await context.ticket.createServer(
    { name: 'customise.create', title: `boot an instance from ${title}` },
    { role: 'customise', queueId: build.plan.queueId, timeout: build.parameters.quota_timeout },
    () => ({
      documentsId: ref.uuid,
      imageId: jeos.imageId,
      flavorId: build.plan.flavorId,
      networkId: build.plan.networkId,
      ...(volumes === undefined ? {} : { volumes }),
      access,
      floatingIp: build.parameters.request_floating_ip,
      instanceDigest: build.plan.instanceDigest,
    }),
  );
  status.setResource('customise', serverId);
  const address = await steps.runWithDeadline(
    'boot_timeout',
    { name: 'address', title: 'wait for the instance and its address', note: ({ host }) => host },
    'waitForAddress',
    (deadline) => {
      const { plan, parameters } = build;
      return { ref, serverId, networkId: plan.networkId, floatingIp: parameters.request_floating_ip, deadline };
    },
  );
  status.setResource('address', address.host);
  const locateGuest = (): GuestLocation => describeGuest(build, address.host, serverId, access.securityGroupId);
  build.locateGuest = locateGuest;
  await steps.runWithDeadline(
    'boot_timeout',
    { name: 'ssh', title: `wait until ${locateGuest().user} can log in over SSH` },
    'waitForSsh',
    (deadline) => ({ ref, guest: locateGuest(), deadline, jeos }),
  );
  return { serverId, volumeId: volumes?.root, locateGuest };
}

/** Returns where the guest is and how to log in. */
function describeGuest(
  { plan, parameters }: GuestBuild,
  host: string,
  serverId: string,
  securityGroupId: string,
): GuestLocation {
  return {
    host,
    serverId,
    securityGroupId,
    user: plan.user ?? parameters.default_user,
    prefix: parameters.command_prefix,
  };
}

/**
 * Runs the steps of the template. While the build is held at one of these steps, a user may replace this step and the
 * steps after it.
 */
async function runTemplateSteps(build: GuestBuild, locateGuest: LocateGuest): Promise<void> {
  for (let index = 0; index < build.plan.guestSteps.length; index++) {
    const currentStep = (): Step<void> | undefined => {
      const step = build.plan.guestSteps[index];
      const budget = { total: build.parameters.command_timeout + 600 };
      return step && { name: step.name, title: step.title, skippable: true, budget };
    };
    await build.steps.run(currentStep, 'runTemplateStep', (round) => ({
      ref: build.ref,
      guest: locateGuest(),
      step: currentStep()?.name ?? '',
      timeout: build.parameters.command_timeout,
      round,
      forceRerun: build.isForcedToRerun?.(index) ?? false,
      rerunInterrupted: build.parameters.rerunnable_commands,
    }));
  }
}

/** Writes the ICICLE, and returns the number of packages; 0 when the build has no ICICLE. */
export async function listPackages(build: GuestBuild, locateGuest: LocateGuest): Promise<number> {
  if (!build.parameters.generate_icicle) return 0;
  // Undefined when a user skips the step.
  const list = (await build.steps.run(
    {
      name: 'icicle',
      title: 'list the installed packages (ICICLE)',
      budget: { total: 1800 },
      skippable: true,
      note: ({ packages, warnings = [] }) => [`${packages} packages`, ...warnings].join('; '),
    },
    'writeIcicle',
    () => ({ ref: build.ref, guest: locateGuest() }),
  )) as WrittenIcicle | undefined;
  return list?.packages ?? 0;
}
