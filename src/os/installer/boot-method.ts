import { FactoryError } from '../../domain/errors.js';
import type { Arch } from '../common/architectures.js';
import type { Firmware } from './firmware.js';
import type { InstallerPlan } from './types.js';

/**
 * How an installer's instance boots. `direct`: Nova passes kernel, ramdisk and command line to the machine. `stub`: for
 * clouds that accept no kernel images, the machine boots from a small disk that we build, and the boot loader on this
 * disk passes them. `iso`: the machine boots from the install medium, as a CD-ROM.
 */
export type BootMethod = 'direct' | 'stub' | 'iso';

/**
 * Disk formats that the cloud must accept for {@link BootMethod} `direct`:
 * https://docs.openstack.org/glance/latest/user/formats.html
 */
const KERNEL_FORMATS = ['aki', 'ari'];
const STUB_FIRMWARES: Partial<Record<Arch, readonly ('bios' | 'uefi')[]>> = {
  x86_64: ['bios', 'uefi'],
  i386: ['bios'],
};

/** Lists the firmwares that can boot a stub disk on machines of an architecture; empty when none can. */
export function listStubFirmwares(arch: Arch): readonly ('bios' | 'uefi')[] {
  return STUB_FIRMWARES[arch] ?? [];
}

/** The installer and the machine that a boot method must fit. */
export interface Bootable {
  plan: Pick<InstallerPlan, 'medium' | 'scriptTransport'>;
  arch: Arch;
  firmware: Firmware | undefined;
}

/** Checks that a boot method can start the installer. @throws FactoryError InvalidParameter when it cannot */
export function checkBootMethod(method: BootMethod | undefined, { plan, arch, firmware }: Bootable): void {
  if (method === undefined) return;
  const { medium, scriptTransport } = plan;
  const instead = suggestMethod(plan);
  if (method === 'iso' && medium === undefined) {
    throw bootMethodError('iso is only for systems that are installed from their medium', "write <install type='iso'>");
  }
  if (method !== 'iso' && medium !== undefined && medium.boots === undefined) {
    throw bootMethodError('only the boot loader of its own medium can start this installer', 'write boot_method iso');
  }
  if (method === 'iso' && scriptTransport === 'initrd') {
    throw bootMethodError(
      'with iso the ramdisk is on the medium, so the script cannot be appended to the ramdisk',
      'write script_transport medium, or boot_method direct',
    );
  }
  if (!usesOurBootLoader(method, plan)) return;
  if (listStubFirmwares(arch).length === 0) {
    const known = Object.keys(STUB_FIRMWARES).join(', ');
    throw bootMethodError(
      `our boot loader does not support ${arch} machines`,
      `${method} supports ${known}; write ${instead}`,
    );
  }
  if (firmware === 'secure_boot') {
    throw bootMethodError(
      'our boot loader is not signed, so it cannot start with firmware secure_boot',
      `write ${instead}, or firmware uefi`,
    );
  }
}

/**
 * Checks whether our own boot loader starts the installer. Then the kernel command line is part of the boot loader's
 * configuration.
 */
export function usesOurBootLoader(method: BootMethod, { medium }: Pick<InstallerPlan, 'medium'>): boolean {
  return method === 'stub' || (method === 'iso' && medium?.boots !== undefined);
}

function suggestMethod({ medium }: Pick<InstallerPlan, 'medium'>): string {
  return medium !== undefined && medium.boots === undefined ? 'boot_method iso' : 'boot_method direct';
}

function bootMethodError(why: string, hint: string): FactoryError {
  return new FactoryError('InvalidParameter', `parameter boot_method: ${why}`, { hint });
}

/**
 * Selects the boot method for a cloud.
 * @param diskFormats the disk formats that the cloud accepts; empty when the cloud does not publish them
 */
export function selectBootMethod(
  diskFormats: readonly string[],
  { medium }: Pick<InstallerPlan, 'medium'>,
): BootMethod {
  if (medium !== undefined && medium.boots === undefined) return 'iso';
  const takesKernels = diskFormats.length === 0 || KERNEL_FORMATS.every((format) => diskFormats.includes(format));
  return takesKernels ? 'direct' : 'stub';
}
