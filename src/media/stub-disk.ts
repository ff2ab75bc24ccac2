import { open, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  buildGrubConfig,
  grubFilePath,
  makeGrubImage,
  withProgramErrors,
  PLATFORMS,
  runProgram,
  type StubFirmware,
} from './grub.js';

/** What a stub disk starts, and where to make it. */
export interface StubDiskOptions {
  /** Path of the kernel. */
  kernel: string;
  /** Paths of the ramdisks, in the order in which the kernel gets them. */
  ramdisks: string[];
  commandLine: string;
  /** The firmwares for which the disk gets a boot loader. */
  firmwares: readonly StubFirmware[];
  /** A folder for this disk alone. Its files stay; the caller removes them. */
  folder: string;
  signal: AbortSignal;
}

const SECTOR = 512;
/** Number of sectors before the only partition. They contain the boot loader for BIOS. */
const FIRST_SECTOR = 2048;
/** Bytes of the partition in addition to kernel and ramdisks: for boot loader and file system tables. */
const SPARE_BYTES = 8 * 1024 * 1024;
const LABEL = 'IMGFACTORY';
/** Bytes of code in a boot sector. The disk signature and the partition table follow the code. */
const BOOT_CODE = 440;
/**
 * Type of an EFI system partition. It is in an MBR partition table, so that both BIOS and UEFI find their boot loader.
 */
const PARTITION_TYPE = 0xef;
const MODULES = ['part_msdos', 'fat', 'search_label'];

/** GRUB's first commands: they find our partition by its label, and load the configuration from it. */
const EARLY = `search --no-floppy --label ${LABEL} --set root\nset prefix=($root)/\nconfigfile ($root)/grub.cfg\n`;

/**
 * Makes a raw disk that starts an installer from a kernel, ramdisks and a command line, on the given firmwares. When
 * the installer runs, kernel and ramdisks are in memory, so the installer may overwrite the disk. Making the disk needs
 * no root privileges.
 *
 * @returns path of the disk, and its size in bytes
 * @throws FactoryError InvalidParameter when this machine lacks the programs; StoreFailed (retryable) when they fail
 */
export async function makeStubDisk(disk: StubDiskOptions): Promise<{ path: string; size: number }> {
  return withProgramErrors('the disk that starts the installer', disk, () => writeDisk(disk));
}

async function writeDisk(disk: StubDiskOptions): Promise<{ path: string; size: number }> {
  const { firmwares, folder, signal } = disk;
  await writeFile(join(folder, 'early.cfg'), EARLY);
  await writeFile(join(folder, 'grub.cfg'), buildConfig(disk));
  const files: [string, string][] = [
    [join(folder, 'grub.cfg'), 'grub.cfg'],
    [disk.kernel, 'kernel'],
    ...disk.ramdisks.map((path, index): [string, string] => [path, `ramdisk${index}`]),
  ];
  const sizes = await Promise.all(files.map(async ([path]) => (await stat(path)).size));
  const sectors = Math.ceil((sizes.reduce((sum, size) => sum + size, 0) + SPARE_BYTES) / SECTOR);
  const path = join(folder, 'disk.raw');
  const file = await open(path, 'w');
  try {
    await file.truncate((FIRST_SECTOR + sectors) * SECTOR);
    await file.write(await buildBootSector(sectors), 0, SECTOR, 0);
    if (firmwares.includes('bios')) {
      const core = await readFile(await makeBootLoader(disk, 'bios'));
      await file.write(core, 0, core.length, SECTOR);
    }
  } finally {
    await file.close();
  }
  const partition = `${path}@@${FIRST_SECTOR * SECTOR}`;
  await runProgram('mformat', ['-i', partition, '-v', LABEL, '-T', String(sectors), '-h', '255', '-s', '63', '-H', String(FIRST_SECTOR), '::'], signal); // prettier-ignore
  for (const [source, name] of files) await runProgram('mcopy', ['-i', partition, source, `::/${name}`], signal);
  if (firmwares.includes('uefi')) {
    const efi = await makeBootLoader(disk, 'uefi');
    await runProgram('mmd', ['-i', partition, '::/EFI', '::/EFI/BOOT'], signal);
    await runProgram('mcopy', ['-i', partition, efi, '::/EFI/BOOT/BOOTX64.EFI'], signal);
  }
  return { path, size: (FIRST_SECTOR + sectors) * SECTOR };
}

function buildConfig({ ramdisks, commandLine }: StubDiskOptions): string {
  return buildGrubConfig({
    kernel: '/kernel',
    ramdisks: ramdisks.map((_path, index) => `/ramdisk${index}`),
    commandLine,
  });
}

/** Makes the GRUB image for this disk and a firmware, and returns its path. */
function makeBootLoader({ folder, signal }: StubDiskOptions, firmware: StubFirmware): Promise<string> {
  return makeGrubImage({
    format: PLATFORMS[firmware],
    early: join(folder, 'early.cfg'),
    modules: firmware === 'bios' ? [...MODULES, 'biosdisk'] : MODULES,
    path: join(folder, `${firmware}.img`),
    signal,
  });
}

/**
 * Builds GRUB's boot sector, with a partition table of one partition. By default, GRUB's code loads the next sector,
 * where `writeDisk` puts the rest of GRUB.
 */
async function buildBootSector(sectors: number): Promise<Buffer> {
  const sector = Buffer.alloc(SECTOR);
  (await readFile(grubFilePath(PLATFORMS.bios, 'boot.img'))).copy(sector, 0, 0, BOOT_CODE);
  sector.write('imgf', BOOT_CODE, 'latin1');
  const entry = sector.subarray(446);
  // The partition entry: the flag "bootable"; heads, sectors and cylinders, whose maximum values mean that they are not
  // used; the first sector; the number of sectors.
  Buffer.from([0x80, 0xfe, 0xff, 0xff, PARTITION_TYPE, 0xfe, 0xff, 0xff]).copy(entry);
  entry.writeUInt32LE(FIRST_SECTOR, 8);
  entry.writeUInt32LE(sectors, 12);
  sector.writeUInt16LE(0xaa55, SECTOR - 2);
  return sector;
}
