import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, openSync, rmSync, writeSync, closeSync, ftruncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ConversionOptions, Disk } from '../../../src/formats/index.js';
import { missingProgram } from '../../support/programs.js';

/** Reason to skip a test that converts disks, or false. */
export const noQemu = missingProgram('qemu-img');
export const MIB = 1024 * 1024;
/** 64 MiB and one sector: no format's multiple. */
export const ODD_SIZE = 64 * MIB + 512;

/** Makes a folder that is removed at the end of the process. */
export function makeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'formats-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Runs a program, and returns its standard output. */
export function run(program: string, ...args: string[]): string {
  return execFileSync(program, args, { encoding: 'utf8', stdio: ['pipe', 'pipe', 'pipe'] });
}

/** Where a made disk has bytes other than zero: in the middle, over a border of blocks, and at its end. */
const DATA = [MIB, 9 * MIB + 4096 - 512, 33 * MIB + 512];

/**
 * Makes a disk of 64 MiB with some MiB of data; with a partition table if a label is given. A folder has one disk of
 * each kind.
 */
export function makeDisk(
  folder: string,
  { label, format = 'qcow2', size = ODD_SIZE }: { label?: 'gpt' | 'dos'; format?: Disk['format']; size?: number } = {},
): Disk {
  const raw = join(folder, `source-${size}-${label ?? 'none'}.raw`);
  const path = format === 'raw' ? raw : join(folder, `source-${size}-${label ?? 'none'}.${format}`);
  if (existsSync(path)) return { path, format, virtualSize: size };
  const file = openSync(raw, 'w');
  ftruncateSync(file, size);
  for (const at of DATA) writeSync(file, randomBytes(MIB), 0, MIB, at);
  writeSync(file, Buffer.alloc(512, 'end'), 0, 512, size - 40 * 512);
  closeSync(file);
  if (label !== undefined) {
    execFileSync('/usr/sbin/sfdisk', ['-q', raw], {
      input: `label: ${label}\n,20M\n,\n`,
      stdio: ['pipe', 'pipe', 'pipe'],
    });
  }
  if (format !== 'raw') run('qemu-img', 'convert', '-f', 'raw', '-O', format, raw, path);
  return { path, format, virtualSize: size };
}

/** Options of a conversion in a new folder. */
export function makeOptions(folder: string, given: Partial<ConversionOptions> = {}): ConversionOptions {
  const workFolder = join(folder, `work-${randomBytes(4).toString('hex')}`);
  mkdirSync(workFolder);
  return {
    workFolder,
    imageName: 'my image',
    system: { os: 'Debian', version: '12', arch: 'x86_64', firmware: 'bios', secureBoot: false },
    cpus: 2,
    memory: 2048,
    ...given,
  };
}
