import { DISK_DRIVERS } from '../../domain/boot-machines.js';
import type { BootFailure, BootVerdict } from '../../formats/index.js';
import { ENTERPRISE_LINUX } from '../../os/families/enterprise-linux/family.js';
import { findFamily } from '../../os/registry.js';
import { escapeXml } from '../../tdl/escape-xml.js';
import type { PlannedTarget } from './plan-target-image.js';

/** How a family of systems puts drivers into its initramfs, and arguments onto its kernel's command line. */
interface BootTools {
  addDrivers: (drivers: readonly string[]) => string;
  addConsole: string;
}

const CONSOLE = 'console=tty0 console=ttyS0,115200';
const GRUB_DEFAULT = `sed -i 's/^GRUB_CMDLINE_LINUX="/&${CONSOLE} /' /etc/default/grub`;

const INITRAMFS_TOOLS: BootTools = {
  addDrivers: (drivers) =>
    `printf '%s\\n' ${drivers.join(' ')} >> /etc/initramfs-tools/modules; update-initramfs -u -k all`,
  addConsole: `${GRUB_DEFAULT}; update-grub`,
};
const DRACUT: BootTools = {
  addDrivers: (drivers) =>
    `echo 'add_drivers+=" ${drivers.join(' ')} "' > /etc/dracut.conf.d/target.conf; dracut -f --regenerate-all`,
  addConsole: `grubby --update-kernel=ALL --args='${CONSOLE}'`,
};

const SUSE: BootTools = { ...DRACUT, addConsole: `${GRUB_DEFAULT}; grub2-mkconfig -o /boot/grub2/grub.cfg` };

/** By the ids of families. */
const TOOLS: Readonly<Record<string, BootTools>> = {
  debian: INITRAMFS_TOOLS,
  ubuntu: INITRAMFS_TOOLS,
  opensuse: SUSE,
  tumbleweed: SUSE,
  sles: SUSE,
  fedora: DRACUT,
  ...Object.fromEntries(ENTERPRISE_LINUX.map(({ family }) => [family, DRACUT])),
};

/** Packages with all drivers, for families whose kernel for clouds has only some. */
const WHOLE_KERNELS: Readonly<Record<string, string>> = { debian: 'linux-image-amd64', ubuntu: 'linux-generic' };

type Failed = Exclude<BootVerdict, { booted: true }>;

/** Says in one sentence why a system did not boot. */
export function explainBoot({ failure, line }: Failed, { machine: { disk }, firmware }: PlannedTarget): string {
  const said = line === undefined ? '' : `; its console says: ${line}`;
  switch (failure) {
    case 'no-root':
      return `the image does not boot with ${disk}: it does not find its root file system${said}`;
    case 'firmware':
      return `the image does not boot: the firmware (${firmware.toUpperCase()}) finds nothing to start${said}`;
    case 'boot-loader':
      return `the image does not boot with ${disk}: its boot loader stops${said}`;
    case 'panic':
      return `the image does not boot: its kernel panics${said}`;
    case 'emergency':
      return `the image does not boot: the system stops in its emergency mode${said}`;
    case 'restarts':
      return 'the image does not boot: its machine restarts again and again';
    case 'off':
      return 'the image does not boot: its machine switches itself off';
    case 'no-console':
      return 'nobody can tell whether the image boots: it says nothing on its serial console after the boot loader';
    case 'silent':
      return 'the image does not boot: its console fell silent before the system had started';
    case 'time':
      return 'the image has not booted in 30 minutes';
  }
}

/** Says in one sentence what to do about it: the likely cause, and the line to add to the template. */
export function adviseOnBoot(failure: BootFailure, { machine, os, firmware }: PlannedTarget): string {
  const family = findFamily(os.name)?.family ?? '';
  const tools = TOOLS[family];
  if (failure === 'no-root') {
    const drivers = DISK_DRIVERS[machine.disk];
    const missing = `the initramfs likely lacks the driver ${drivers.join(' or ')} for ${machine.disk}`;
    if (tools === undefined) return `${missing}: add it in the template`;
    const kernel = WHOLE_KERNELS[family];
    const whole =
      kernel === undefined
        ? ''
        : `; if the kernel itself lacks it, as one for clouds may, add <package name='${kernel}'/>`;
    return `${missing}: add ${asCommand('drivers', tools.addDrivers(drivers))} to the template${whole}`;
  }
  if (failure === 'no-console') {
    return tools === undefined
      ? `add ${CONSOLE} to the arguments of the kernel, in the template`
      : `add ${asCommand('console', tools.addConsole)} to the template`;
  }
  if (failure === 'firmware') {
    return firmware === 'uefi'
      ? 'the disk needs a boot loader for UEFI on an EFI system partition, as EFI/BOOT/BOOTX64.EFI'
      : 'the disk needs a boot loader for BIOS; an image for UEFI must be built with firmware uefi';
  }
  return 'imagefactory logs UUID shows the whole console, as the log verify';
}

/** Writes a command as a template has it. */
function asCommand(name: string, command: string): string {
  return `<command name='${name}'>${escapeXml(command)}</command>`;
}
