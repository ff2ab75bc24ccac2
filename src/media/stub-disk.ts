import { execFile } from 'node:child_process';
import { open, readFile, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { FactoryError } from '../build/errors.js';

const run = promisify(execFile);

/** What starts a machine from a disk. UEFI here is that of x86_64. */
export type StubFirmware = 'bios' | 'uefi';

/** What a stub disk starts, and where it is made. */
export interface StubDisk {
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
const FIRST = 2048;
/** Bytes of the partition besides kernel and ramdisks: boot loader, and tables of the file system. */
const SPARE = 8 * 1024 * 1024;
const LABEL = 'IMGFACTORY';
/** Bytes of a boot sector that are code; what follows is the partition table. */
const BOOT_CODE = 440;
/** EFI system partition, in a table as BIOS reads it; both find their boot loader then. */
const PARTITION_TYPE = 0xef;
const MODULES = ['part_msdos', 'fat', 'search', 'search_label', 'normal', 'configfile', 'linux', 'echo'];
const MODULE_FOLDER = '/usr/lib/grub';
const PACKAGES = 'grub-common, grub-pc-bin, grub-efi-amd64-bin and mtools';

/** GRUB's own name of a firmware's platform. */
const PLATFORMS: Record<StubFirmware, string> = { bios: 'i386-pc', uefi: 'x86_64-efi' };

/** What GRUB runs before it has found anything: it takes its configuration from our partition, wherever that is. */
const EARLY = `search --no-floppy --label ${LABEL} --set root\nset prefix=($root)/\nconfigfile ($root)/grub.cfg\n`;

/** GRUB's configuration. Words are quoted, so that the kernel gets them as they are. */
export function grubConfig(commandLine: string, ramdisks: number): string {
  const words = commandLine.split(' ').filter((word) => word !== '');
  const names = Array.from({ length: ramdisks }, (_, index) => `/ramdisk${index}`);
  return [
    `echo 'imagefactory: the stub disk starts the installer'`,
    `linux /kernel ${words.map(quoted).join(' ')}`,
    `initrd ${names.join(' ')}`,
    'boot',
    '',
  ].join('\n');
}

/** A quote ends the word, stands by itself, and begins the word again: https://www.gnu.org/software/grub/manual/grub/grub.html#Quoting */
function quoted(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}

/**
 * Makes a raw disk that starts an installer on BIOS and UEFI, from kernel, ramdisks and command line. Everything on it is in memory
 * when the installer runs, so that it may write over it. No privileges are needed.
 *
 * @returns path of the disk, and its bytes
 * @throws FactoryError InvalidParameter when this machine lacks the programs; StoreFailed (retryable) when they fail
 */
export async function makeStubDisk(disk: StubDisk): Promise<{ path: string; size: number }> {
  try {
    return await make(disk);
  } catch (error) {
    disk.signal.throwIfAborted();
    if (error instanceof FactoryError) throw error;
    const { stderr, message } = error as Error & { stderr?: string };
    const why = (stderr ?? '').trim() || message;
    throw new FactoryError('StoreFailed', `the disk that starts the installer could not be made: ${why}`, {
      retryable: true,
      hint: `see that there is room in ${dirname(disk.folder)} on the worker’s machine`,
      cause: error,
    });
  }
}

async function make(disk: StubDisk): Promise<{ path: string; size: number }> {
  const { firmwares, folder, signal } = disk;
  await writeFile(join(folder, 'early.cfg'), EARLY);
  await writeFile(join(folder, 'grub.cfg'), grubConfig(disk.commandLine, disk.ramdisks.length));
  const files: [string, string][] = [
    [join(folder, 'grub.cfg'), 'grub.cfg'],
    [disk.kernel, 'kernel'],
    ...disk.ramdisks.map((path, index): [string, string] => [path, `ramdisk${index}`]),
  ];
  const sizes = await Promise.all(files.map(async ([path]) => (await stat(path)).size));
  const sectors = Math.ceil((sizes.reduce((sum, size) => sum + size, 0) + SPARE) / SECTOR);
  const path = join(folder, 'disk.raw');
  const file = await open(path, 'w');
  try {
    await file.truncate((FIRST + sectors) * SECTOR);
    await file.write(await bootSector(sectors), 0, SECTOR, 0);
    if (firmwares.includes('bios')) {
      const core = await readFile(await grubImage(folder, PLATFORMS.bios, ['biosdisk'], signal));
      await file.write(core, 0, core.length, SECTOR);
    }
  } finally {
    await file.close();
  }
  const partition = `${path}@@${FIRST * SECTOR}`;
  await program('mformat', ['-i', partition, '-v', LABEL, '-T', String(sectors), '-h', '255', '-s', '63', '-H', String(FIRST), '::'], signal); // prettier-ignore
  for (const [source, name] of files) await program('mcopy', ['-i', partition, source, `::/${name}`], signal);
  if (firmwares.includes('uefi')) {
    const efi = await grubImage(folder, PLATFORMS.uefi, [], signal);
    await program('mmd', ['-i', partition, '::/EFI', '::/EFI/BOOT'], signal);
    await program('mcopy', ['-i', partition, efi, '::/EFI/BOOT/BOOTX64.EFI'], signal);
  }
  return { path, size: (FIRST + sectors) * SECTOR };
}

/** @throws FactoryError InvalidParameter when this machine lacks what {@link makeStubDisk} needs */
export async function checkStubPrograms(firmwares: readonly StubFirmware[], signal: AbortSignal): Promise<void> {
  await mkimage(['--version'], signal);
  await program('mformat', ['--version'], signal);
  for (const firmware of firmwares) {
    const platform = PLATFORMS[firmware];
    await stat(join(MODULE_FOLDER, platform, 'normal.mod')).catch((cause: unknown) => {
      throw missing(`GRUB’s modules for ${platform}`, cause);
    });
  }
}

/** GRUB with the modules that it needs here; answers its path. */
async function grubImage(folder: string, format: string, modules: string[], signal: AbortSignal): Promise<string> {
  const path = join(folder, `${format}.img`);
  const early = join(folder, 'early.cfg');
  await mkimage(['-O', format, '-p', '/', '-c', early, '-o', path, ...MODULES, ...modules], signal);
  return path;
}

/** Fedora and its kin call it by another name. */
async function mkimage(args: string[], signal: AbortSignal): Promise<void> {
  try {
    await run('grub-mkimage', args, { signal });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    await program('grub2-mkimage', args, signal);
  }
}

async function program(name: string, args: string[], signal: AbortSignal): Promise<void> {
  try {
    await run(name, args, { signal, env: { ...process.env, MTOOLS_SKIP_CHECK: '1' } });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') throw missing(name, error);
    throw error;
  }
}

function missing(what: string, cause: unknown): FactoryError {
  return new FactoryError('InvalidParameter', `boot_method stub: this worker’s machine has no ${what}`, {
    hint: `install ${PACKAGES} there, or write boot_method direct`,
    cause,
  });
}

/** GRUB's first sector with a table of one partition. It loads the sector after it, which it needs not be told. */
async function bootSector(sectors: number): Promise<Buffer> {
  const sector = Buffer.alloc(SECTOR);
  (await readFile(join(MODULE_FOLDER, PLATFORMS.bios, 'boot.img'))).copy(sector, 0, 0, BOOT_CODE);
  sector.write('imgf', BOOT_CODE, 'latin1');
  const entry = sector.subarray(446);
  // Bootable; heads, sectors and cylinders say that they cannot tell; then first sector and length.
  Buffer.from([0x80, 0xfe, 0xff, 0xff, PARTITION_TYPE, 0xfe, 0xff, 0xff]).copy(entry);
  entry.writeUInt32LE(FIRST, 8);
  entry.writeUInt32LE(sectors, 12);
  sector.writeUInt16LE(0xaa55, SECTOR - 2);
  return sector;
}
