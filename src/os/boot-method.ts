import { FactoryError } from '../build/errors.js';
import type { Firmware } from './firmware.js';
import type { Arch } from './types.js';

/**
 * What an installer's instance starts from. `direct`: Nova gives it kernel, ramdisk and command line. `stub`: a small disk of ours,
 * with a boot loader that does, for clouds that take no kernel images.
 */
export type BootMethod = 'direct' | 'stub';

/** Formats that a cloud must take for {@link BootMethod} `direct`: https://docs.openstack.org/glance/latest/user/formats.html */
const KERNEL_FORMATS = ['aki', 'ari'];
const STUB_FIRMWARES: Partial<Record<Arch, readonly ('bios' | 'uefi')[]>> = {
  x86_64: ['bios', 'uefi'],
  i386: ['bios'],
};

/** For which firmware of an architecture's machines a disk of ours has a boot loader; empty where there can be no such disk. */
export function stubFirmwares(arch: Arch): readonly ('bios' | 'uefi')[] {
  return STUB_FIRMWARES[arch] ?? [];
}

/** @throws FactoryError InvalidParameter where no disk of ours can start such a machine */
export function checkBootMethod(method: BootMethod | undefined, arch: Arch, firmware: Firmware | undefined): void {
  if (method !== 'stub') return;
  if (stubFirmwares(arch).length === 0) {
    throw new FactoryError('InvalidParameter', `parameter boot_method: there is no stub for machines of ${arch}`, {
      hint: `stub is there for ${Object.keys(STUB_FIRMWARES).join(', ')}; write boot_method direct`,
    });
  }
  if (firmware !== 'secure_boot') return;
  throw new FactoryError(
    'InvalidParameter',
    'parameters boot_method and firmware: the stub’s boot loader is not signed',
    {
      hint: 'write boot_method direct, or firmware uefi',
    },
  );
}

/** The method for a cloud that has these image formats; an empty list is a cloud that does not say which. */
export function bootMethodFor(diskFormats: readonly string[]): BootMethod {
  const takesKernels = diskFormats.length === 0 || KERNEL_FORMATS.every((format) => diskFormats.includes(format));
  return takesKernels ? 'direct' : 'stub';
}
