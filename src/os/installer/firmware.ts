import { FactoryError } from '../../domain/errors.js';
import type { Arch } from '../common/architectures.js';
import type { InstallerPlan } from './types.js';

/** The firmware of a machine: BIOS, UEFI, or UEFI that runs signed boot loaders only. */
export type Firmware = 'bios' | 'uefi' | 'secure_boot';

/** Machine types that UEFI needs, for the architectures that have another machine type by default. */
const MACHINES: Partial<Record<Arch, string>> = { i386: 'q35', x86_64: 'q35' };
/** The architectures whose machines can have each firmware. */
const ARCHES: Record<Firmware, readonly Arch[]> = {
  bios: ['i386', 'x86_64'],
  uefi: ['x86_64', 'aarch64'],
  secure_boot: ['x86_64'],
};

/**
 * Returns the image properties that select a firmware; none when `firmware` is unset. Then the cloud uses its default,
 * which is BIOS for x86 and UEFI for aarch64.
 * https://docs.openstack.org/nova/latest/admin/uefi.html, https://docs.openstack.org/nova/latest/admin/secure-boot.html
 *
 * @throws FactoryError InvalidParameter when machines of the architecture cannot have this firmware
 */
function firmwareProperties(firmware: Firmware | undefined, arch: Arch): Record<string, string> {
  if (firmware === undefined) return {};
  if (!ARCHES[firmware].includes(arch)) {
    throw new FactoryError(
      'InvalidParameter',
      `parameter firmware: ${arch} machines cannot have the firmware ${firmware}`,
      {
        hint: `${firmware} supports ${ARCHES[firmware].join(', ')}; leave firmware out to use the cloud's default`,
      },
    );
  }
  if (firmware === 'bios') return { hw_firmware_type: 'bios' };
  const machine = MACHINES[arch];
  return {
    hw_firmware_type: 'uefi',
    ...(machine === undefined ? {} : { hw_machine_type: machine }),
    ...(firmware === 'secure_boot' ? { os_secure_boot: 'required' } : {}),
  };
}

/** Adds the firmware's properties to a plan: for the installer's machine and for every image of the build. */
export function withFirmware(plan: InstallerPlan, arch: Arch, firmware: Firmware | undefined): InstallerPlan {
  const properties = firmwareProperties(firmware, arch);
  return {
    ...plan,
    bootImageProperties: { ...plan.bootImageProperties, ...properties },
    imageProperties: { ...plan.imageProperties, ...properties },
  };
}
