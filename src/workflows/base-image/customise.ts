import { createVolumesIfNeeded } from '../lifecycle/capture-image.js';
import type { Step } from '../lifecycle/step-runner.js';
import type { BaseImageBuild } from './base-image-build.js';
import type { FoundJeos } from '../../activities/installer/wait-for-jeos.js';
import type { WrittenIcicle } from '../../activities/guest/write-icicle.js';
import type { GuestLocation } from '../../activities/guest/guest-location.js';

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
type LocateGuest = () => GuestLocation;

/**
 * Boots the JEOS, customises the guest over SSH in the template's order, lists its packages, removes the machine's
 * identity, and shuts the guest down.
 */
export async function customise(build: BaseImageBuild, jeos: FoundJeos): Promise<CustomisedInstance> {
  const { ref, status, steps } = build;
  // Seven steps in addition to the template's: access, instance, address, SSH, package list, identity, shutdown.
  status.enterPhase('customise', build.plan.guestSteps.length + 7);
  const { serverId, volumeId, locateGuest } = await bootInstance(build, jeos);
  await runTemplateSteps(build, locateGuest);
  const packages = await listPackages(build, locateGuest);
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

/** Boots an instance from the JEOS, and waits until the build can log in. */
export async function bootInstance(
  build: BaseImageBuild,
  jeos: FoundJeos,
): Promise<{ serverId: string; volumeId: string | undefined; locateGuest: LocateGuest }> {
  const { ref, status, steps, context } = build;
  const access = await steps.run(
    { name: 'access', title: 'create the build’s SSH key pair and its security group' },
    'createSshAccess',
    { ref },
  );
  const size = build.plan.volumes?.root;
  const volumes = await createVolumesIfNeeded(build, 'customise.volumes', {
    documentsId: ref.uuid,
    ...(size === undefined ? {} : { root: { imageId: jeos.imageId, size } }),
    media: [],
    timeout: build.parameters.quota_timeout,
  });
  const { serverId } = await context.ticket.createServer(
    { name: 'customise.create', title: 'boot an instance from the JEOS' },
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
  const locateGuest = (): GuestLocation => build.describeGuest(address.host, serverId, access.securityGroupId);
  build.locateGuest = locateGuest;
  await steps.runWithDeadline(
    'boot_timeout',
    { name: 'ssh', title: `wait until ${locateGuest().user} can log in over SSH` },
    'waitForSsh',
    (deadline) => ({ ref, guest: locateGuest(), deadline, jeos }),
  );
  return { serverId, volumeId: volumes?.root, locateGuest };
}

/**
 * Runs the steps of the template. While the build is held at one of these steps, a user may replace this step and the
 * steps after it.
 */
async function runTemplateSteps(build: BaseImageBuild, locateGuest: LocateGuest): Promise<void> {
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
      forceRerun: build.isForcedToRerun(index),
      rerunInterrupted: build.parameters.rerunnable_commands,
    }));
  }
}

/** Writes the ICICLE, and returns the number of packages; 0 when the build has no ICICLE. */
export async function listPackages(build: BaseImageBuild, locateGuest: LocateGuest): Promise<number> {
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
