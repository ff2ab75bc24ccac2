import { FactoryError } from '../../domain/errors.js';
import type { DriversMedium, InstallerPlan } from './types.js';

/**
 * Devices that Windows has drivers for by itself, by the type of the machine: q35 has no IDE, and i440FX has it at hand.
 * https://docs.openstack.org/glance/latest/admin/useful-image-properties.html
 */
function inboxDevices(machine: string | undefined): Record<string, string> {
  return machine === 'q35'
    ? { hw_disk_bus: 'sata', hw_cdrom_bus: 'sata', hw_vif_model: 'e1000e' }
    : { hw_disk_bus: 'ide', hw_cdrom_bus: 'ide', hw_vif_model: 'e1000' };
}

/** virtio, of which Windows has nothing; not the drives, from which it reads the drivers. */
function virtioDevices(machine: string | undefined): Record<string, string> {
  return { ...inboxDevices(machine), hw_disk_bus: 'virtio', hw_vif_model: 'virtio' };
}

/**
 * An installer of a system that lacks drivers for virtio, on machines that it has drivers for: its own, or those of a medium. Everything that
 * is made from it has the same devices, or its disk would not be found.
 *
 * @throws FactoryError InvalidParameter for a medium that nobody asked for, or that cannot be one
 */
export function withDrivers(plan: InstallerPlan, drivers: DriversMedium | undefined): InstallerPlan {
  if (plan.lacksVirtio !== true) {
    if (drivers === undefined) return plan;
    throw new FactoryError('InvalidParameter', 'parameter drivers_iso: this system has its drivers itself', {
      hint: 'it is for Windows; leave it out',
    });
  }
  if (drivers !== undefined && !URL.canParse(drivers.url)) {
    throw new FactoryError('InvalidParameter', `parameter drivers_iso: ${JSON.stringify(drivers.url)} is no address`, {
      hint: 'write the address of an ISO of virtio-win',
    });
  }
  const machine = plan.imageProperties['hw_machine_type'];
  const properties = drivers === undefined ? inboxDevices(machine) : virtioDevices(machine);
  return {
    ...plan,
    imageProperties: { ...plan.imageProperties, ...properties },
    ...(drivers === undefined ? {} : { drivers }),
  };
}
