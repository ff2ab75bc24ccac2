import type { Template } from '../../tdl/types.js';

/** An architecture, as TDL writes it. */
export type Arch = Template['os']['arch'];

/**
 * Returns the kernel's name of the serial console on an architecture's machines. Nova keeps the output of this console.
 */
export function serialConsole(arch: Arch): string {
  switch (arch) {
    case 'aarch64':
    case 'armv7l':
      return 'ttyAMA0';
    case 'ppc64':
    case 'ppc64le':
      return 'hvc0';
    case 's390x':
      return 'ttysclp0';
    default:
      return 'ttyS0,115200n8';
  }
}

/**
 * Returns the value of Glance's property `architecture`. Nova compares it with the architectures that a hypervisor can
 * run.
 */
export function architectureProperty(arch: Arch): string {
  return arch === 'i386' ? 'i686' : arch;
}
