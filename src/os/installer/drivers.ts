import { FactoryError } from '../../domain/errors.js';
import type { DriversMedium, InstallerPlan } from './types.js';

/**
 * Image properties for devices that Windows itself has drivers for, by machine type: q35 has no IDE, i440FX has.
 * https://docs.openstack.org/glance/latest/admin/useful-image-properties.html
 */
function inboxDevices(machine: string | undefined): Record<string, string> {
  return machine === 'q35'
    ? { hw_disk_bus: 'sata', hw_cdrom_bus: 'sata', hw_vif_model: 'e1000e' }
    : { hw_disk_bus: 'ide', hw_cdrom_bus: 'ide', hw_vif_model: 'e1000' };
}

/**
 * Image properties for virtio disk and network, for which Windows has no drivers itself. The CD-ROM drives stay:
 * Windows reads the drivers from them.
 */
function virtioDevices(machine: string | undefined): Record<string, string> {
  return { ...inboxDevices(machine), hw_disk_bus: 'virtio', hw_vif_model: 'virtio' };
}

/**
 * Adds the devices that a system without virtio drivers can use: those of its own drivers, or virtio with a medium of
 * drivers. Every image of the build has the same devices, or the system would not find its disk.
 *
 * @throws FactoryError InvalidParameter for a medium that the system does not need, or that is not a URL
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
