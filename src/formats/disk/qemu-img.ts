import { z } from 'zod';
import { FactoryError } from '../../domain/errors.js';
import { runProgram } from './programs.js';
import type { Disk } from './types.js';

/** What a call of qemu-img needs besides its arguments. */
export interface CallOptions {
  signal?: AbortSignal | undefined;
  onPercent?: ((percent: number) => void) | undefined;
}

/** Returns the version of qemu-img, as text for a record: "qemu-img 7.2.22". */
export async function readQemuVersion(signal?: AbortSignal): Promise<string> {
  const { stdout } = await runProgram('qemu-img', ['--version'], { what: 'ask qemu-img for its version', signal });
  return `qemu-img ${/version (\S+)/.exec(stdout)?.[1] ?? 'of unknown version'}`;
}

/** Converts a disk to one file of another format. Options are those of `qemu-img convert -o`. */
export async function convertFile(
  source: Disk,
  target: { path: string; format: Disk['format']; options?: readonly string[]; compress?: boolean },
  { signal, onPercent }: CallOptions,
): Promise<void> {
  const { path, format, options = [], compress = false } = target;
  await runProgram(
    'qemu-img',
    [
      ...['convert', '-p', '-f', source.format, '-O', format],
      ...(compress ? ['-c'] : []),
      ...(options.length === 0 ? [] : ['-o', options.join(',')]),
      ...[source.path, path],
    ],
    { what: `convert the disk to ${format}`, signal, onPercent },
  );
}

/**
 * Compares a file with its source.
 *
 * @throws FactoryError ImageFailed when they differ, with the place of the first difference
 */
export async function compareDisks(
  source: Disk,
  output: Pick<Disk, 'path' | 'format'>,
  { signal, onPercent }: CallOptions,
): Promise<void> {
  const args = ['compare', '-p', '-f', source.format, '-F', output.format, source.path, output.path];
  const { code, stdout } = await runProgram('qemu-img', args, {
    what: `compare the ${output.format} with its source`,
    expected: [0, 1],
    signal,
    onPercent,
  });
  if (code === 1) throw differsError(stdout.trim());
}

/** The error of an output that does not hold what its source holds. */
export function differsError(where: string): FactoryError {
  return new FactoryError('ImageFailed', `the converted disk differs from its source, so it is not used: ${where}`, {
    hint: 'check the memory and the disks of the worker’s machine, and convert the image again',
  });
}

/** Checks the metadata of a file. @throws FactoryError ImageFailed when qemu-img finds an error or lost clusters */
export async function checkDisk(output: Pick<Disk, 'path' | 'format'>, { signal }: CallOptions): Promise<void> {
  await runProgram('qemu-img', ['check', '-f', output.format, output.path], {
    what: `check the ${output.format}`,
    signal,
  });
}

/** Returns the number of bytes that `qemu-img measure` asks for. It supports the formats qcow2 and raw. */
export async function measureQcow2(source: Disk, options: readonly string[], signal?: AbortSignal): Promise<number> {
  const args = ['measure', '--output=json', '-O', 'qcow2', '-f', source.format];
  const { stdout } = await runProgram(
    'qemu-img',
    [...args, ...(options.length === 0 ? [] : ['-o', options.join(',')]), source.path],
    { what: 'measure the disk', signal },
  );
  return z.looseObject({ required: z.number() }).parse(JSON.parse(stdout)).required;
}

/** A range of a disk that holds data, in bytes. */
export interface Extent {
  start: number;
  length: number;
}

const MAP = z.array(z.looseObject({ start: z.number(), length: z.number(), data: z.boolean(), zero: z.boolean() }));

/** Lists the ranges of a disk that may hold bytes other than zero, in ascending order. */
export async function listExtents(source: Disk, signal?: AbortSignal): Promise<Extent[]> {
  const { stdout } = await runProgram('qemu-img', ['map', '--output=json', '-f', source.format, source.path], {
    what: 'list the data of the disk',
    signal,
  });
  return MAP.parse(JSON.parse(stdout))
    .filter(({ data, zero }) => data && !zero)
    .map(({ start, length }) => ({ start, length }));
}

/** Returns the bytes of all blocks of the given size that the extents touch. */
export function countBlocks(extents: readonly Extent[], blockSize: number): number {
  let blocks = 0;
  let next = 0;
  for (const { start, length } of extents) {
    const first = Math.max(next, Math.floor(start / blockSize));
    const end = Math.ceil((start + length) / blockSize);
    if (end > first) blocks += end - first;
    next = Math.max(next, end);
  }
  return blocks * blockSize;
}
