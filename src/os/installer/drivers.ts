import { FactoryError } from '../../domain/errors.js';
import type { DriversMedium, InstallerPlan } from './types.js';

/**
 * Returns image properties for devices that Windows itself has drivers for. They depend on the machine type: q35 has no
 * IDE, i440FX has.
 * https://docs.openstack.org/glance/latest/admin/useful-image-properties.html
 */
function inboxDevices(machine: string | undefined): Record<string, string> {
  return machine === 'q35'
    ? { hw_disk_bus: 'sata', hw_cdrom_bus: 'sata', hw_vif_model: 'e1000e' }
    : { hw_disk_bus: 'ide', hw_cdrom_bus: 'ide', hw_vif_model: 'e1000' };
}

/**
 * Returns image properties for a virtio disk and a virtio network card, for which Windows itself has no drivers. The
 * CD-ROM drives stay on their bus, because Windows reads the virtio drivers from them.
 */
function virtioDevices(machine: string | undefined): Record<string, string> {
  return { ...inboxDevices(machine), hw_disk_bus: 'virtio', hw_vif_model: 'virtio' };
}

/**
 * Adds image properties for a system without virtio drivers: for devices that the system itself has drivers for, or for
 * virtio devices when the build has a medium with drivers. Every image of the build has the same devices, because
 * otherwise the system would not find its disk.
 *
 * @throws FactoryError InvalidParameter for a medium that the system does not need, or that is not a URL
 */
export function withDrivers(plan: InstallerPlan, drivers: DriversMedium | undefined): InstallerPlan {
  if (plan.lacksVirtio !== true) {
    if (drivers === undefined) return plan;
    throw new FactoryError('InvalidParameter', 'parameter drivers_iso: this system has its own drivers', {
      hint: 'leave drivers_iso out; it is only for Windows',
    });
  }
  if (drivers !== undefined && !URL.canParse(drivers.url)) {
    throw new FactoryError(
      'InvalidParameter',
      `parameter drivers_iso: ${JSON.stringify(drivers.url)} is not an address`,
      {
        hint: 'write the address of an ISO of virtio-win',
      },
    );
  }
  const machine = plan.imageProperties['hw_machine_type'];
  const properties = drivers === undefined ? inboxDevices(machine) : virtioDevices(machine);
  return {
    ...plan,
    imageProperties: { ...plan.imageProperties, ...properties },
    ...(drivers === undefined ? {} : { drivers }),
  };
}
