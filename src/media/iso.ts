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

/**
 * Bytes of a sector. The volume descriptors begin in the seventeenth sector
 * (https://ecma-international.org/publications-and-standards/standards/ecma-119/).
 */
const SECTOR = 2048;
const FIRST_DESCRIPTOR = 16;
const DESCRIPTORS = 16;
/**
 * Number of sectors that may be missing at the end: the volume descriptor counts empty sectors that some programs do
 * not write.
 */
const PADDING = 150;

/** Name and kind of an ISO. */
export interface IsoInfo {
  /** The ISO's name, by which the boot loader and the installer on the ISO recognise the medium. */
  volumeId: string;
  /**
   * Whether the ISO's files are in UDF, as on Windows media. We cannot change such an ISO: no program of ours can
   * change UDF.
   */
  udf: boolean;
}

/**
 * Reads an ISO's name and kind from its volume descriptors.
 * @throws FactoryError MediaUnavailable when the file is not an ISO 9660 image, or is truncated
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
    if (primary === undefined) throw mediaUnavailableError(url, 'the file is not an ISO 9660 image');
    const [sectorsSaid, { size }] = [primary.readUInt32LE(80), await file.stat()];
    if (size < (sectorsSaid - PADDING) * SECTOR) {
      throw mediaUnavailableError(url, `the ISO is truncated: it has ${size} of ${sectorsSaid * SECTOR} bytes`);
    }
    return {
      volumeId: primary.toString('latin1', 40, 72).trimEnd(),
      udf: sectors.some((sector) => /^NSR0[23]$/.test(identifierOf(sector))),
    };
  } finally {
    await file.close();
  }
}

/**
 * Options for every call of xorriso: it reads no configuration files, takes paths literally (no wildcards, no `=`), and
 * prints only messages of severity SORRY and above.
 */
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

/** Checks that xorriso is installed. @throws FactoryError InvalidParameter when this machine lacks it */
export async function checkIsoPrograms(signal: AbortSignal): Promise<void> {
  await runProgram('xorriso', ['-version'], signal);
}

/**
 * Copies one file out of an ISO: the first of the candidates that exists.
 * @param candidates paths on the ISO, best first, without a leading slash
 * @returns the path of the copied file on the ISO; undefined when none of the candidates exists
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

/** Returns the first of the candidate paths at which an ISO has a file. Returns undefined when there is none. */
async function findOnIso(
  iso: { path: string; signal: AbortSignal },
  candidates: string[],
): Promise<string | undefined> {
  const looks = candidates.flatMap((path) => ['-find', `/${path}`, '-type', 'f', '--']);
  // xorriso treats a missing file as a failure. We do not, because another candidate may exist.
  const tolerant = ['-abort_on', 'FATAL', '-return_with', 'FATAL', '32', '-report_about', 'FATAL'];
  const { stdout } = await runProgram('xorriso', [...XORRISO, ...tolerant, '-indev', iso.path, ...looks], iso.signal);
  const lines = stdout.split('\n');
  return candidates.find((path) => lines.includes(`'/${path}'`));
}

/** Runs xorriso; stops at the first error. */
export async function runXorriso(args: string[], signal: AbortSignal): Promise<void> {
  await runProgram('xorriso', [...XORRISO, '-abort_on', 'FAILURE', ...args], signal);
}

/** How to remaster an ISO. */
export interface RemasterOptions {
  /** Path of the original ISO. */
  source: string;
  /**
   * Files and folders of this machine, and their paths on the ISO. A folder is merged with an existing folder of that
   * path.
   */
  files: { from: string; path: string }[];
  /**
   * What our boot loader starts from the ISO: the first path in `kernels` and the first path in `ramdisks` that exist
   * on the ISO. Default: the ISO keeps its own boot loaders.
   */
  boot?: { kernels: string[]; ramdisks: string[]; commandLine: string; firmwares: readonly StubFirmware[] };
  /** A folder for this ISO alone. Its files must stay until the new ISO has been read; the caller removes them. */
  folder: string;
  signal: AbortSignal;
}

const PRODUCT = 'the install medium';

/** Folder of our boot loader on the ISO. */
const BOOT_FOLDER = 'imagefactory-boot';
/** GRUB's first commands: they find the ISO, in whatever drive it is, by a file that no other medium has. */
const EARLY = `search --no-floppy --file /${BOOT_FOLDER}/grub.cfg --set root\nset prefix=($root)/${BOOT_FOLDER}\nconfigfile ($root)/${BOOT_FOLDER}/grub.cfg\n`;
/** Size of the EFI system partition's image, in KiB. */
const EFI_KIB = 4096;

/**
 * Remasters an ISO: adds files, and replaces its boot loaders by ours or keeps them. Everything else, also the volume
 * id, stays as it is. The new ISO is never stored on this machine: each call of the returned function returns a stream
 * that makes the ISO's bytes while the caller reads them.
 *
 * @throws FactoryError InvalidParameter when this machine lacks the programs; MediaUnavailable when none of the kernels
 *   or none of the ramdisks exists on the ISO; StoreFailed (retryable) when the programs fail: then the
 *   stream fails with this error
 */
export async function remasterIso(iso: RemasterOptions): Promise<() => Readable> {
  return withProgramErrors(PRODUCT, iso, async () => {
    const boot = iso.boot === undefined ? ['-boot_image', 'any', 'replay'] : await addBootLoader(iso, iso.boot);
    const files = iso.files.flatMap(({ from, path }) => ['-map', from, `/${path}`]);
    const settings = ['-compliance', 'iso_9660_level=3', '-overwrite', 'on'];
    // The option that selects standard output must come first.
    const args = ['-outdev', '-', ...XORRISO, '-abort_on', 'FAILURE', '-indev', iso.source];
    return () => streamProgram(PRODUCT, iso, 'xorriso', [...args, ...settings, ...files, ...boot, '-commit']);
  });
}

/** Builds the xorriso options that put our boot loader on the ISO and disable every other boot loader. */
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

/** Makes the image of the EFI system partition, where UEFI looks for a boot loader. */
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

/** Creates the error for an ISO on which none of the candidate paths exists. */
export function noSuchFileOnIsoError(places: string[]): FactoryError {
  return new FactoryError('MediaUnavailable', `the medium has none of the files ${places.join(', ')}`, {
    hint: 'check that the ISO is an install medium (not a live image) of this system, version and architecture',
  });
}

/**
 * Converts a destination in the template into a path on the ISO.
 * @throws FactoryError InvalidTemplate for a path with `.` or `..`, or one that an ISO cannot have
 */
export function parseIsoPath(destination: string): string {
  const parts = destination.split('/').filter((part) => part !== '');
  const bad = parts.some(
    (part) => part === '.' || part === '..' || Buffer.byteLength(part) > 255 || /[\0\n]/.test(part),
  );
  if (!bad && parts.length > 0) return parts.join('/');
  throw new FactoryError(
    'InvalidTemplate',
    `<extras>: ${JSON.stringify(destination)} is not a valid path on a medium`,
    {
      hint: `write a path such as /extras/${basename(destination) || 'file'}`,
    },
  );
}
