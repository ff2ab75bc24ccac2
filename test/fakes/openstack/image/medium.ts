import { execFile } from 'node:child_process';
import { readFile, rm, type FileHandle } from 'node:fs/promises';
import { promisify } from 'node:util';
import type { BootMedium } from '../state.js';
import { findCommandLine } from './grub-config.js';

const run = promisify(execFile);

/**
 * Size of a sector in bytes. Volume descriptors begin in sector 16 and take one sector each.
 * https://ecma-international.org/publications-and-standards/standards/ecma-119/
 */
const SECTOR = 2048;
const FIRST_DESCRIPTOR = 16;
const DESCRIPTORS = 16;
/** Largest output of xorriso in bytes. The list of the files on a medium can be long. */
const LARGEST_LIST = 64 * 1024 * 1024;
/** Path on a medium at which imagefactory puts the configuration of its boot loader. */
const OUR_CONFIG = 'imagefactory-boot/grub.cfg';

/** Reads an install medium. Returns undefined when the file is no ISO 9660 image. */
export async function readMedium(handle: FileHandle, file: string): Promise<BootMedium | undefined> {
  const bootable = await isBootable(handle);
  if (bootable === undefined) return undefined;
  const files = await listFiles(file);
  if (!files.has(OUR_CONFIG)) return { files, bootable };
  const commandLine = findCommandLine(await readText(file, OUR_CONFIG));
  return { files, bootable, ...(commandLine === undefined ? {} : { commandLine }) };
}

/**
 * Checks whether the medium has an El Torito boot record. Returns undefined when the file is no ISO 9660 image.
 * https://pdos.csail.mit.edu/6.828/2018/readings/boot-cdrom.pdf
 */
async function isBootable(handle: FileHandle): Promise<boolean | undefined> {
  const bytes = Buffer.alloc(DESCRIPTORS * SECTOR);
  const { bytesRead } = await handle.read(bytes, 0, bytes.length, FIRST_DESCRIPTOR * SECTOR);
  for (let at = 0; at + SECTOR <= bytesRead && bytes.toString('latin1', at + 1, at + 6) === 'CD001'; at += SECTOR) {
    if (bytes[at] === 0 && bytes.toString('latin1', at + 7, at + 30) === 'EL TORITO SPECIFICATION') return true;
  }
  return bytes.toString('latin1', 1, 6) === 'CD001' ? false : undefined;
}

/** Lists all files of a medium with their sizes. */
async function listFiles(file: string): Promise<Map<string, number>> {
  const { stdout } = await xorriso('-indev', file, '-find', '/', '-type', 'f', '-exec', 'lsdl', '--');
  const files = new Map<string, number>();
  for (const [, size = '0', path = ''] of stdout.matchAll(/^-\S+ +\d+ +\S+ +\S+ +(\d+) .*? '\/(.*)'$/gm)) {
    files.set(path, Number(size));
  }
  return files;
}

async function readText(file: string, path: string): Promise<string> {
  const copy = `${file}.part`;
  await xorriso('-osirrox', 'on', '-indev', file, '-extract', `/${path}`, copy);
  try {
    return await readFile(copy, 'utf8');
  } finally {
    await rm(copy, { force: true });
  }
}

function xorriso(...args: string[]): Promise<{ stdout: string }> {
  return run('xorriso', ['-no_rc', '-pathspecs', 'off', '-report_about', 'SORRY', ...args], {
    maxBuffer: LARGEST_LIST,
  });
}
