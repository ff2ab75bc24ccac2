import { constants } from 'node:fs';
import { access, readFile } from 'node:fs/promises';
import type { BootMachine, DiskController, NetworkAdapter } from '../../domain/boot-machines.js';
import { FactoryError } from '../../domain/errors.js';
import { type FormatName, isRootFormat } from '../../domain/target-formats.js';
import { GIB } from '../bytes/sizes.js';
import { requireProgram } from '../disk/programs.js';
import type { Disk } from '../disk/types.js';
import { OUTPUT_FORMATS } from '../registry.js';

/** A machine in which a converted disk is booted. */
export interface BootOptions {
  machine: BootMachine;
  firmware: 'bios' | 'uefi';
  arch: string;
}

/** The emulator, which runs systems for i386 too. */
export const EMULATOR = 'qemu-system-x86_64';
const ARCHES = ['x86_64', 'i386'];
/** Memory of the machine in MiB. Enterprise Linux 10 needs 2 GiB to start. */
const MEMORY = 2048;

/** The largest file of the emulator, in bytes: a guest that writes without end must not fill the disk of the worker. */
export const LARGEST_OVERLAY = 4 * GIB;
/**
 * The limits of the emulator: 8 GiB of address space, for the memory of the guest, the code that is translated, and
 * threads; and the size of its files.
 */
export const BOOT_LIMITS = ['--as=8589934592', `--fsize=${LARGEST_OVERLAY}`, '--core=0'];

/** Where distributions install OVMF: its code, and its empty variables. */
const OVMF: readonly (readonly [code: string, variables: string])[] = [
  ['/usr/share/OVMF/OVMF_CODE_4M.fd', '/usr/share/OVMF/OVMF_VARS_4M.fd'],
  ['/usr/share/OVMF/OVMF_CODE.fd', '/usr/share/OVMF/OVMF_VARS.fd'],
  ['/usr/share/edk2/ovmf/OVMF_CODE.fd', '/usr/share/edk2/ovmf/OVMF_VARS.fd'],
  ['/usr/share/edk2/x64/OVMF_CODE.4m.fd', '/usr/share/edk2/x64/OVMF_VARS.4m.fd'],
  ['/usr/share/qemu/ovmf-x86_64-code.bin', '/usr/share/qemu/ovmf-x86_64-vars.bin'],
];

/**
 * Checks whether this machine can boot a disk of a format, before the disk is made.
 *
 * @throws FactoryError InvalidParameter when the format has no disk, when the system is for another architecture, or
 *   when a program or a firmware is missing
 */
export async function checkBootable(format: FormatName, { firmware, arch }: BootOptions): Promise<void> {
  if (isRootFormat(format) || OUTPUT_FORMATS[format].disk === undefined) {
    throw refuse(`the format ${format} has no disk that can be booted`);
  }
  if (!ARCHES.includes(arch)) throw refuse(`verify boot boots ${ARCHES.join(' and ')} systems, not ${arch}`);
  await requireProgram(EMULATOR);
  if (firmware === 'uefi') await findFirmware();
}

function refuse(message: string): FactoryError {
  return new FactoryError('InvalidParameter', message, { hint: 'leave out verify boot: the disk is compared anyway' });
}

/** Returns the firmware for UEFI of this machine. @throws FactoryError InvalidParameter when there is none */
export async function findFirmware(): Promise<{ code: string; variables: string }> {
  for (const [code, variables] of OVMF) {
    const found = await Promise.all([access(code), access(variables)]).then(() => true, () => false); // prettier-ignore
    if (found) return { code, variables };
  }
  throw new FactoryError('InvalidParameter', 'the worker’s machine lacks OVMF: verify boot needs it for UEFI', {
    hint: 'install ovmf (Debian, Ubuntu), edk2-ovmf (Fedora, RHEL, Arch) or qemu-ovmf-x86_64 (openSUSE), or leave out verify boot',
  });
}

/**
 * Returns how QEMU runs the guest: with KVM where the processor has it, else by emulation. `/dev/kvm` alone does not
 * show it: without vmx or svm, KVM may take a guest and never run it.
 */
export async function findAccelerator(): Promise<'kvm:tcg' | 'tcg'> {
  try {
    await access('/dev/kvm', constants.R_OK | constants.W_OK);
    return /\b(?:vmx|svm)\b/.test(await readFile('/proc/cpuinfo', 'utf8')) ? 'kvm:tcg' : 'tcg';
  } catch {
    return 'tcg';
  }
}

/** QEMU's devices for a controller, with the disk whose node is `disk`. */
const DISK_DEVICES: Readonly<Record<DiskController, readonly string[]>> = {
  'virtio-blk': ['virtio-blk-pci,drive=disk,bootindex=1'],
  'virtio-scsi': ['virtio-scsi-pci', 'scsi-hd,drive=disk,bootindex=1'],
  nvme: ['nvme,drive=disk,serial=disk,bootindex=1'],
  pvscsi: ['pvscsi', 'scsi-hd,drive=disk,bootindex=1'],
  ide: ['ide-hd,drive=disk,bus=ide.0,bootindex=1'],
  ahci: ['ich9-ahci,id=ahci', 'ide-hd,drive=disk,bus=ahci.0,bootindex=1'],
};

const NETWORK_DEVICES: Readonly<Record<NetworkAdapter, string>> = {
  'virtio-net': 'virtio-net-pci',
  vmxnet3: 'vmxnet3',
  e1000: 'e1000',
  tulip: 'tulip',
};

/**
 * Builds the command line of the emulator. The disk is never written: what the guest writes goes into the overlay, a
 * qcow2 of the same size. The guest has a network that leads nowhere. Its console is the standard output.
 *
 * @param firmware the code of the firmware and a copy of its variables. Unset: BIOS
 */
export function buildBootArgs(
  { disk, network }: BootMachine,
  files: {
    accelerator: 'kvm:tcg' | 'tcg';
    disk: Pick<Disk, 'path' | 'format'>;
    overlay: string;
    firmware?: { code: string; variables: string } | undefined;
  },
): string[] {
  const { firmware, accelerator } = files;
  const machine = [
    'pc',
    `accel=${accelerator}`,
    'graphics=off',
    ...(firmware ? ['pflash0=code', 'pflash1=variables'] : []),
  ];
  return [
    '-nodefaults',
    '-no-user-config',
    ...['-display', 'none'],
    ...['-sandbox', 'on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny'],
    ...['-machine', machine.join(',')],
    ...['-cpu', 'max', '-smp', '1', '-m', String(MEMORY)],
    ...(firmware === undefined ? [] : ['-blockdev', node('code', 'raw', firmware.code, { 'read-only': true })]),
    ...(firmware === undefined ? [] : ['-blockdev', node('variables', 'raw', firmware.variables)]),
    ...[
      '-blockdev',
      node('disk', 'qcow2', files.overlay, {
        backing: {
          driver: files.disk.format,
          'read-only': true,
          file: { driver: 'file', filename: files.disk.path, 'read-only': true },
        },
      }),
    ],
    ...DISK_DEVICES[disk].flatMap((device) => ['-device', device]),
    ...['-netdev', 'user,id=network,restrict=on'],
    // An empty ROM: the firmware must not wait for a network to boot from.
    ...['-device', `${NETWORK_DEVICES[network]},netdev=network,romfile=`],
    ...['-chardev', 'stdio,id=console,signal=off', '-serial', 'chardev:console'],
  ];
}

/** Describes a file of a disk to QEMU. Its format is named, so QEMU guesses nothing. */
function node(name: string, driver: Disk['format'], filename: string, options: object = {}): string {
  return JSON.stringify({ 'node-name': name, driver, file: { driver: 'file', filename }, ...options });
}
