import type { GuestLocation, JeosFound } from '../../activities/shared/types.js';
import type { Board, Step } from '../lifecycle/step-runner.js';
import type { Course } from './build-context.js';
import { madeVolumes } from '../lifecycle/capture-image.js';

/** An instance that is customised and off. */
export interface Customised {
  serverId: string;
  packages: number;
  /** Where its disk is a volume. */
  volumeId?: string;
}

/**
 * Boots the JEOS, customises the guest over SSH in the template's order, lists its packages, takes the machine's identity
 * out of it, and shuts it down.
 */
export async function customise(course: Course, jeos: JeosFound, board: Board): Promise<Customised> {
  // Besides the template's steps: access, instance, address, SSH, packages listed, cleaned, shut down.
  board.enter('customise', course.plan.guestSteps.length + 7);
  const { serverId, volumeId, guest } = await booted(course, jeos, board);
  await templateSteps(course, guest, board);
  const { packages } = await listed(course, guest, board);
  const { ref } = course;
  await board.step(
    { name: 'clean', title: 'remove the machine’s identity from the guest', budget: { total: 1800 } },
    'cleanGuest',
    (round) => ({ ref, guest: guest(), round }),
  );
  await board.wait(
    'shutdown_timeout',
    { name: 'shutdown', title: 'remove the build’s key and shut the guest down' },
    'shutDownGuest',
    (deadline) => ({ ref, guest: guest(), deadline }),
  );
  return { serverId, packages, ...(volumeId === undefined ? {} : { volumeId }) };
}

/** Boots an instance from the JEOS, and waits until it lets us in. */
async function booted(
  course: Course,
  jeos: JeosFound,
  board: Board,
): Promise<{ serverId: string; volumeId: string | undefined; guest: () => GuestLocation }> {
  const { ref } = course;
  const access = await board.step(
    { name: 'access', title: 'make the build’s SSH key pair and its security group' },
    'createAccess',
    { ref },
  );
  const size = course.plan.volumes?.root;
  const volumes = await madeVolumes(board, 'customise.volumes', {
    ref,
    documentsId: ref.uuid,
    ...(size === undefined ? {} : { root: { imageId: jeos.imageId, size } }),
    media: [],
    timeout: course.parameters.quota_timeout,
  });
  const { serverId } = await board.create(
    { name: 'customise.create', title: 'boot an instance from the JEOS' },
    course.place,
    { ref, role: 'customise', line: course.plan.queueId, patience: course.parameters.quota_timeout },
    () => ({
      documentsId: ref.uuid,
      imageId: jeos.imageId,
      flavorId: course.plan.flavorId,
      networkId: course.plan.networkId,
      ...(volumes === undefined ? {} : { volumes }),
      access,
      floatingIp: course.parameters.request_floating_ip,
      instanceDigest: course.plan.instanceDigest,
    }),
  );
  board.holds('customise', serverId);
  const address = await board.wait(
    'boot_timeout',
    { name: 'address', title: 'wait for the instance and its address', note: (at) => at.host },
    'waitForAddress',
    (deadline) => {
      const { plan, parameters } = course;
      return { ref, serverId, networkId: plan.networkId, floatingIp: parameters.request_floating_ip, deadline };
    },
  );
  board.holds('address', address.host);
  const guest = (): GuestLocation => course.guestAt(address.host, serverId, access.securityGroupId);
  course.guest = guest;
  await board.wait(
    'boot_timeout',
    { name: 'ssh', title: `wait until ${guest().user} is let in over SSH` },
    'waitForSsh',
    (deadline) => ({ ref, guest: guest(), deadline, jeos }),
  );
  return { serverId, volumeId: volumes?.root, guest };
}

/** The template's own steps. While one of them is held, it and those after it may be replaced. */
async function templateSteps(course: Course, guest: () => GuestLocation, board: Board): Promise<void> {
  for (let index = 0; index < course.plan.guestSteps.length; index++) {
    const current = (): Step<void> | undefined => {
      const step = course.plan.guestSteps[index];
      const budget = { total: course.parameters.command_timeout + 600 };
      return step && { name: step.name, title: step.title, skippable: true, budget };
    };
    await board.step(current, 'runGuestStep', (round) => ({
      ref: course.ref,
      guest: guest(),
      step: current()?.name ?? '',
      timeout: course.parameters.command_timeout,
      round,
      forceRerun: course.isAnew(index),
      rerun: course.parameters.rerunnable_commands,
    }));
  }
}

async function listed(course: Course, guest: () => GuestLocation, board: Board): Promise<{ packages: number }> {
  if (!course.parameters.generate_icicle) return { packages: 0 };
  return board.step(
    {
      name: 'icicle',
      title: 'list the installed packages (ICICLE)',
      budget: { total: 1800 },
      note: (list) => `${list.packages} packages`,
    },
    'writeIcicle',
    () => ({ ref: course.ref, guest: guest() }),
  );
}
