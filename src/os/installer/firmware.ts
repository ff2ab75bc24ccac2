import { FactoryError } from '../../domain/errors.js';
import type { Arch } from '../common/architectures.js';
import type { InstallerPlan } from './types.js';

/** What starts a machine: BIOS, UEFI, or UEFI that runs signed boot loaders only. */
export type Firmware = 'bios' | 'uefi' | 'secure_boot';

/** Machine types that the firmware needs where a machine of another type would be made by default. */
const MACHINES: Partial<Record<Arch, string>> = { i386: 'q35', x86_64: 'q35' };
/** Those whose machines can be started so. */
const ARCHES: Record<Firmware, readonly Arch[]> = {
  bios: ['i386', 'x86_64'],
  uefi: ['x86_64', 'aarch64'],
  secure_boot: ['x86_64'],
};

/**
 * Image properties of machines with a firmware; none for the cloud's default, which is BIOS for x86 and UEFI for aarch64.
 * https://docs.openstack.org/nova/latest/admin/uefi.html, https://docs.openstack.org/nova/latest/admin/secure-boot.html
 *
 * @throws FactoryError InvalidParameter where machines of the architecture have no such firmware
 */
function firmwareProperties(firmware: Firmware | undefined, arch: Arch): Record<string, string> {
  if (firmware === undefined) return {};
  if (!ARCHES[firmware].includes(arch)) {
    throw new FactoryError(
      'InvalidParameter',
      `parameter firmware: machines of ${arch} are not started by ${firmware}`,
      {
        hint: `${firmware} is there for ${ARCHES[firmware].join(', ')}; without the parameter the cloud's own is used`,
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

/** An installer on machines with a firmware, and the same for all that is made from it. */
export function withFirmware(plan: InstallerPlan, arch: Arch, firmware: Firmware | undefined): InstallerPlan {
  const properties = firmwareProperties(firmware, arch);
  return {
    ...plan,
    bootImageProperties: { ...plan.bootImageProperties, ...properties },
    imageProperties: { ...plan.imageProperties, ...properties },
  };
}
