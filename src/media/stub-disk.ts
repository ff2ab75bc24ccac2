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

/** What a stub disk starts, and where it is made. */
export interface StubDiskOptions {
  /** Paths of files. */
  kernel: string;
  /** One after the other, as the kernel gets them. */
  ramdisks: string[];
  commandLine: string;
  /** For which of them the disk has a boot loader. */
  firmwares: readonly StubFirmware[];
  /** A folder for this disk alone; what is made there stays. */
  folder: string;
  signal: AbortSignal;
}

const SECTOR = 512;
/** Sectors before the only partition; BIOS' boot loader lies in them. */
const FIRST_SECTOR = 2048;
/** Bytes of the partition besides kernel and ramdisks: boot loader, and tables of the file system. */
const SPARE_BYTES = 8 * 1024 * 1024;
const LABEL = 'IMGFACTORY';
/** Bytes of a boot sector that are code; what follows is the partition table. */
const BOOT_CODE = 440;
/** EFI system partition, in a table as BIOS reads it; both find their boot loader then. */
const PARTITION_TYPE = 0xef;
const MODULES = ['part_msdos', 'fat', 'search_label'];

/** What GRUB runs before it has found anything: it takes its configuration from our partition, wherever that is. */
const EARLY = `search --no-floppy --label ${LABEL} --set root\nset prefix=($root)/\nconfigfile ($root)/grub.cfg\n`;

/**
 * Makes a raw disk that starts an installer on BIOS and UEFI, from kernel, ramdisks and command line. Everything on it is in memory
 * when the installer runs, so that it may write over it. No privileges are needed.
 *
 * @returns path of the disk, and its bytes
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

/** GRUB with the modules that it needs here; answers its path. */
function makeBootLoader({ folder, signal }: StubDiskOptions, firmware: StubFirmware): Promise<string> {
  return makeGrubImage({
    format: PLATFORMS[firmware],
    early: join(folder, 'early.cfg'),
    modules: firmware === 'bios' ? [...MODULES, 'biosdisk'] : MODULES,
    path: join(folder, `${firmware}.img`),
    signal,
  });
}

/** GRUB's first sector with a table of one partition. It loads the sector after it, which it needs not be told. */
async function buildBootSector(sectors: number): Promise<Buffer> {
  const sector = Buffer.alloc(SECTOR);
  (await readFile(grubFilePath(PLATFORMS.bios, 'boot.img'))).copy(sector, 0, 0, BOOT_CODE);
  sector.write('imgf', BOOT_CODE, 'latin1');
  const entry = sector.subarray(446);
  // Bootable; heads, sectors and cylinders say that they cannot tell; then first sector and length.
  Buffer.from([0x80, 0xfe, 0xff, 0xff, PARTITION_TYPE, 0xfe, 0xff, 0xff]).copy(entry);
  entry.writeUInt32LE(FIRST_SECTOR, 8);
  entry.writeUInt32LE(sectors, 12);
  sector.writeUInt16LE(0xaa55, SECTOR - 2);
  return sector;
}
