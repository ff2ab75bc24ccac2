import { FactoryError } from '../../domain/errors.js';
import type { Arch } from '../common/architectures.js';
import type { Firmware } from './firmware.js';
import type { InstallerPlan } from './types.js';

/**
 * What an installer's instance starts from. `direct`: Nova gives it kernel, ramdisk and command line. `stub`: a small disk of ours,
 * with a boot loader that does, for clouds that take no kernel images. `iso`: the medium itself, as a CD-ROM.
 */
export type BootMethod = 'direct' | 'stub' | 'iso';

/** Formats that a cloud must take for {@link BootMethod} `direct`: https://docs.openstack.org/glance/latest/user/formats.html */
const KERNEL_FORMATS = ['aki', 'ari'];
const STUB_FIRMWARES: Partial<Record<Arch, readonly ('bios' | 'uefi')[]>> = {
  x86_64: ['bios', 'uefi'],
  i386: ['bios'],
};

/** For which firmware of an architecture's machines a disk of ours has a boot loader; empty where there can be no such disk. */
export function listStubFirmwares(arch: Arch): readonly ('bios' | 'uefi')[] {
  return STUB_FIRMWARES[arch] ?? [];
}

/** What a method has to fit. */
export interface Bootable {
  plan: Pick<InstallerPlan, 'medium' | 'scriptTransport'>;
  arch: Arch;
  firmware: Firmware | undefined;
}

/** @throws FactoryError InvalidParameter where such a machine cannot be started so */
export function checkBootMethod(method: BootMethod | undefined, { plan, arch, firmware }: Bootable): void {
  if (method === undefined) return;
  const { medium, scriptTransport } = plan;
  const instead = suggestMethod(plan);
  if (method === 'iso' && medium === undefined) {
    throw bootMethodError('iso is for systems that are installed from their medium', "write <install type='iso'>");
  }
  if (method !== 'iso' && medium !== undefined && medium.boots === undefined) {
    throw bootMethodError('only the boot loader of its own medium can start this installer', 'write boot_method iso');
  }
  if (method === 'iso' && scriptTransport === 'initrd') {
    throw bootMethodError(
      'the ramdisk is on the medium, the script cannot be appended to it',
      'write script_transport medium, or boot_method direct',
    );
  }
  if (!usesOurBootLoader(method, plan)) return;
  if (listStubFirmwares(arch).length === 0) {
    const known = Object.keys(STUB_FIRMWARES).join(', ');
    throw bootMethodError(
      `there is no boot loader of ours for machines of ${arch}`,
      `${method} is there for ${known}; write ${instead}`,
    );
  }
  if (firmware === 'secure_boot') {
    throw bootMethodError('our boot loader is not signed, secure_boot does not start it', `write ${instead}, or firmware uefi`);
  }
}

/** Whether the machine is started by a boot loader of ours: what names the script or the console is said to it. */
export function usesOurBootLoader(method: BootMethod, { medium }: Pick<InstallerPlan, 'medium'>): boolean {
  return method === 'stub' || (method === 'iso' && medium?.boots !== undefined);
}

function suggestMethod({ medium }: Pick<InstallerPlan, 'medium'>): string {
  return medium !== undefined && medium.boots === undefined ? 'boot_method iso' : 'boot_method direct';
}

function bootMethodError(why: string, hint: string): FactoryError {
  return new FactoryError('InvalidParameter', `parameter boot_method: ${why}`, { hint });
}

/** The method for a cloud that has these image formats; an empty list is a cloud that does not say which. */
export function selectBootMethod(diskFormats: readonly string[], { medium }: Pick<InstallerPlan, 'medium'>): BootMethod {
  if (medium !== undefined && medium.boots === undefined) return 'iso';
  const takesKernels = diskFormats.length === 0 || KERNEL_FORMATS.every((format) => diskFormats.includes(format));
  return takesKernels ? 'direct' : 'stub';
}
