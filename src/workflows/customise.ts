import type { BaseImageInput } from '../build/input.js';
import type { BuildRef } from '../build/names.js';
import type { GuestLocation, JeosFound, PlannedBuild } from '../activities/types.js';
import type { Board } from './board.js';
import type { Deadlines } from './deadlines.js';

/**
 * Boots the JEOS, customises the guest over SSH in the template's order, lists its packages, takes the machine's identity
 * out of it, and shuts it down.
 */
export async function customise(
  input: BaseImageInput,
  plan: PlannedBuild,
  jeos: JeosFound,
  ref: BuildRef,
  board: Board,
  deadlines: Deadlines,
): Promise<{ serverId: string; packages: number }> {
  const { parameters } = input;
  // Besides the template's steps: access, instance, address, SSH, packages listed, cleaned, shut down.
  board.enter('customise', plan.guestSteps.length + 7);
  const access = await board.step(
    { name: 'access', title: 'make the build’s SSH key pair and its security group' },
    'createAccess',
    { ref },
  );
  const { serverId } = await board.step(
    {
      name: 'customise.create',
      title: 'boot an instance from the JEOS',
      budget: { total: parameters.quota_timeout, attempt: 300 },
    },
    'createServer',
    {
      ref,
      role: 'customise',
      documents: ref.uuid,
      imageId: jeos.imageId,
      flavorId: plan.flavorId,
      networkId: plan.networkId,
      access,
    },
  );
  board.holds('customise', serverId);
  const address = await deadlines.under('boot_timeout', (deadline, left) =>
    board.step(
      {
        name: 'address',
        title: 'wait for the instance and its address',
        budget: { total: left + 120 },
        note: (at) => at.host,
      },
      'waitForAddress',
      { ref, serverId, networkId: plan.networkId, floatingIp: parameters.request_floating_ip, deadline },
    ),
  );
  board.holds('address', address.host);
  const guest: GuestLocation = {
    host: address.host,
    serverId,
    securityGroupId: access.securityGroupId,
    user: parameters.default_user,
    prefix: parameters.command_prefix,
  };
  await deadlines.under('boot_timeout', (deadline, left) =>
    board.step(
      { name: 'ssh', title: `wait until ${guest.user} is let in over SSH`, budget: { total: left + 120 } },
      'waitForSsh',
      { ref, guest, deadline, jeos },
    ),
  );
  for (const step of plan.guestSteps) {
    await board.step(
      { name: step.name, title: step.title, budget: { total: parameters.command_timeout + 600 } },
      'runGuestStep',
      { ref, guest, step: step.name, timeout: parameters.command_timeout },
    );
  }
  const icicle = parameters.generate_icicle
    ? await board.step(
        {
          name: 'icicle',
          title: 'list the installed packages (ICICLE)',
          budget: { total: 1800 },
          note: (list) => `${list.packages} packages`,
        },
        'writeIcicle',
        { ref, guest },
      )
    : { packages: 0 };
  await board.step(
    { name: 'clean', title: 'remove the machine’s identity from the guest', budget: { total: 1800 } },
    'cleanGuest',
    { ref, guest },
  );
  await deadlines.under('shutdown_timeout', (deadline, left) =>
    board.step(
      { name: 'shutdown', title: 'remove the build’s key and shut the guest down', budget: { total: left + 120 } },
      'shutDownGuest',
      { ref, guest, deadline },
    ),
  );
  return { serverId, packages: icicle.packages };
}
