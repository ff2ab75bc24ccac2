import { open, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Readable } from 'node:stream';
import { FactoryError } from '../domain/errors.js';
import { mediaUnavailableError } from './failures.js';
import {
  buildGrubConfig,
  makeGrubImage,
  streamProgram,
  withProgramErrors,
  PLATFORMS,
  runProgram,
  type StubFirmware,
} from './grub.js';

/** Bytes of a sector; descriptors begin in the seventeenth. https://ecma-international.org/publications-and-standards/standards/ecma-119/ */
const SECTOR = 2048;
const FIRST_DESCRIPTOR = 16;
const DESCRIPTORS = 16;
/** Sectors at the end that writing programs count and some have left out: they hold nothing. */
const PADDING = 150;

/** What a medium is called, and of what kind it is. */
export interface IsoInfo {
  /** What its loader and its installer know it by. */
  volumeId: string;
  /** Whether its files are in UDF, which no program here can change: Windows' media. */
  udf: boolean;
}

/**
 * Looks at the descriptors of a medium.
 * @throws FactoryError MediaUnavailable for a file that is none, or has been cut off
 */
export async function readIsoInfo(path: string, url: string): Promise<IsoInfo> {
  const file = await open(path, 'r');
  try {
    const bytes = Buffer.alloc(DESCRIPTORS * SECTOR);
    await file.read(bytes, 0, bytes.length, FIRST_DESCRIPTOR * SECTOR);
    const sectors = Array.from({ length: DESCRIPTORS }, (_, index) =>
      bytes.subarray(index * SECTOR, (index + 1) * SECTOR),
    );
    const identifierOf = (sector: Buffer): string => sector.toString('latin1', 1, 6);
    const primary = sectors.find((sector) => sector[0] === 1 && identifierOf(sector) === 'CD001');
    if (primary === undefined) throw mediaUnavailableError(url, 'what is there is no ISO 9660 image');
    const [sectorsSaid, { size }] = [primary.readUInt32LE(80), await file.stat()];
    if (size < (sectorsSaid - PADDING) * SECTOR) {
      throw mediaUnavailableError(url, `the medium is cut off: it has ${size} of ${sectorsSaid * SECTOR} bytes`);
    }
    return {
      volumeId: primary.toString('latin1', 40, 72).trimEnd(),
      udf: sectors.some((sector) => /^NSR0[23]$/.test(identifierOf(sector))),
    };
  } finally {
    await file.close();
  }
}

/** Options for every use of xorriso: nobody's own configuration, no wildcards in paths, nothing guessed. */
const XORRISO = [
  '-no_rc',
  '-pathspecs',
  'off',
  '-disk_pattern',
  'off',
  '-iso_rr_pattern',
  'off',
  '-report_about',
  'SORRY',
];

/** @throws FactoryError InvalidParameter when this machine has no xorriso */
export async function checkIsoPrograms(signal: AbortSignal): Promise<void> {
  await runProgram('xorriso', ['-version'], signal);
}

/**
 * Takes the first of some files that a medium has out of it.
 * @param candidates paths on the medium, best first, without a slash at their beginning
 * @returns the one that was taken; undefined where it has none of them
 */
export async function extractFromIso(
  iso: { path: string; folder: string; signal: AbortSignal },
  candidates: string[],
  to: string,
): Promise<string | undefined> {
  return withProgramErrors('a copy of the medium’s files', iso, async () => {
    const found = await findOnIso(iso, candidates);
    if (found === undefined) return undefined;
    await runXorriso(['-osirrox', 'on', '-indev', iso.path, '-extract', `/${found}`, to], iso.signal);
    return found;
  });
}

/** The first of some files that a medium has. */
async function findOnIso(
  iso: { path: string; signal: AbortSignal },
  candidates: string[],
): Promise<string | undefined> {
  const looks = candidates.flatMap((path) => ['-find', `/${path}`, '-type', 'f', '--']);
  // What is not there is a failure for xorriso, and none for us.
  const tolerant = ['-abort_on', 'FATAL', '-return_with', 'FATAL', '32', '-report_about', 'FATAL'];
  const { stdout } = await runProgram('xorriso', [...XORRISO, ...tolerant, '-indev', iso.path, ...looks], iso.signal);
  const lines = stdout.split('\n');
  return candidates.find((path) => lines.includes(`'/${path}'`));
}

/** Runs xorriso, which fails at the first failure. */
export async function runXorriso(args: string[], signal: AbortSignal): Promise<void> {
  await runProgram('xorriso', [...XORRISO, '-abort_on', 'FAILURE', ...args], signal);
}

/** A medium that is made anew. */
export interface RemasterOptions {
  /** The medium as it was. */
  source: string;
  /** Files and folders of this machine, and where they are put; a folder is merged with the one there. */
  files: { from: string; path: string }[];
  /**
   * What our boot loader starts, from the medium; undefined: the medium's own boot loaders stay as they are. Of the kernel and the ramdisk the
   * first ones that the medium has are taken.
   */
  boot?: { kernels: string[]; ramdisks: string[]; commandLine: string; firmwares: readonly StubFirmware[] };
  /** A folder for this medium alone; what is made there stays, and must until the medium has been read. */
  folder: string;
  signal: AbortSignal;
}

const PRODUCT = 'the install medium';

/** Where our boot loader is on the medium. */
const BOOT_FOLDER = 'imagefactory-boot';
/** GRUB finds the medium, whatever drive it is in, by a file that no other has. */
const EARLY = `search --no-floppy --file /${BOOT_FOLDER}/grub.cfg --set root\nset prefix=($root)/${BOOT_FOLDER}\nconfigfile ($root)/${BOOT_FOLDER}/grub.cfg\n`;
/** KiB of the file system that UEFI starts from. */
const EFI_KIB = 4096;

/**
 * Makes a medium anew with other files on it, and with a boot loader of ours, whatever it had, or with its own. Everything else on it, its
 * volume id too, stays as it is. It is never on this machine as a whole: each call of what is answered makes its bytes once more, as they are read.
 *
 * @throws FactoryError InvalidParameter when this machine lacks the programs; MediaUnavailable when it has no kernel where it should be;
 *   StoreFailed (retryable) when the programs fail: then the stream fails with it
 */
export async function remasterIso(iso: RemasterOptions): Promise<() => Readable> {
  return withProgramErrors(PRODUCT, iso, async () => {
    const boot = iso.boot === undefined ? ['-boot_image', 'any', 'replay'] : await addBootLoader(iso, iso.boot);
    const files = iso.files.flatMap(({ from, path }) => ['-map', from, `/${path}`]);
    const settings = ['-compliance', 'iso_9660_level=3', '-overwrite', 'on'];
    // That it writes to its standard output must come first.
    const args = ['-outdev', '-', ...XORRISO, '-abort_on', 'FAILURE', '-indev', iso.source];
    return () => streamProgram(PRODUCT, iso, 'xorriso', [...args, ...settings, ...files, ...boot, '-commit']);
  });
}

/** Puts our boot loader on the medium; nothing of another one is started any more. */
async function addBootLoader(iso: RemasterOptions, boot: NonNullable<RemasterOptions['boot']>): Promise<string[]> {
  const { folder, signal } = iso;
  const at = { path: iso.source, signal };
  const kernel = await findOnIso(at, boot.kernels);
  const ramdisk = await findOnIso(at, boot.ramdisks);
  if (kernel === undefined || ramdisk === undefined)
    throw noSuchFileOnIsoError(kernel === undefined ? boot.kernels : boot.ramdisks);
  const early = join(folder, 'early.cfg');
  await writeFile(early, EARLY);
  const config = buildGrubConfig({ kernel: `/${kernel}`, ramdisks: [`/${ramdisk}`], commandLine: boot.commandLine });
  await writeFile(join(folder, 'grub.cfg'), config, { mode: 0o600 });
  const args = ['-boot_image', 'any', 'discard', '-boot_image', 'any', 'system_area=/dev/zero'];
  const put = (name: string): void => void args.push('-map', join(folder, name), `/${BOOT_FOLDER}/${name}`);
  put('grub.cfg');
  if (boot.firmwares.includes('bios')) {
    const name = 'bios.img';
    await makeGrubImage({
      format: `${PLATFORMS.bios}-eltorito`,
      early,
      modules: ['iso9660', 'biosdisk'],
      path: join(folder, name),
      signal,
    });
    put(name);
    const table = ['boot_info_table=on', 'load_size=2048', 'emul_type=none', 'platform_id=0x00'];
    args.push('-boot_image', 'grub', `bin_path=/${BOOT_FOLDER}/${name}`, '-boot_image', 'grub', 'grub2_boot_info=on');
    for (const setting of table) args.push('-boot_image', 'any', setting);
    args.push('-boot_image', 'any', 'next');
  }
  if (boot.firmwares.includes('uefi')) {
    await makeEfiImage(folder, early, signal);
    put('efi.img');
    args.push('-boot_image', 'any', `efi_path=/${BOOT_FOLDER}/efi.img`);
  }
  return args;
}

/** The file system in which UEFI looks for a boot loader. */
async function makeEfiImage(folder: string, early: string, signal: AbortSignal): Promise<void> {
  const modules = ['iso9660', 'part_msdos', 'part_gpt', 'fat'];
  const loader = await makeGrubImage({
    format: PLATFORMS.uefi,
    early,
    modules,
    path: join(folder, 'loader.efi'),
    signal,
  });
  const image = join(folder, 'efi.img');
  await runProgram('mformat', ['-C', '-i', image, '-h', '2', '-s', '36', '-t', String(EFI_KIB / 36), '::'], signal);
  await runProgram('mmd', ['-i', image, '::/EFI', '::/EFI/BOOT'], signal);
  await runProgram('mcopy', ['-i', image, loader, '::/EFI/BOOT/BOOTX64.EFI'], signal);
}

/** What is said of a medium that has none of some files. */
export function noSuchFileOnIsoError(places: string[]): FactoryError {
  return new FactoryError('MediaUnavailable', `the medium has none of ${places.join(', ')}`, {
    hint: 'is it the medium of this system, version and architecture, one that it is installed from (not a live image)?',
  });
}

/**
 * Where a template wants a file on its medium.
 * @throws FactoryError InvalidTemplate for a path that leads out of it, or that it cannot have
 */
export function parseIsoPath(destination: string): string {
  const parts = destination.split('/').filter((part) => part !== '');
  const bad = parts.some(
    (part) => part === '.' || part === '..' || Buffer.byteLength(part) > 255 || /[\0\n]/.test(part),
  );
  if (!bad && parts.length > 0) return parts.join('/');
  throw new FactoryError('InvalidTemplate', `<extras>: ${JSON.stringify(destination)} is no place on a medium`, {
    hint: `write a path such as /extras/${basename(destination) || 'file'}`,
  });
}
