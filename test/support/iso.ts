import { execFile } from 'node:child_process';
import { lstat, mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/**
 * Makes an ISO 9660 medium of some files, by their paths on it.
 *
 * @param folder a folder of the test's own
 * @param loader path on the medium of what a BIOS starts, where it is to be bootable
 * @returns path of the medium
 */
export async function makeIso(
  folder: string,
  volumeId: string,
  files: Record<string, string | Buffer>,
  loader?: string,
): Promise<string> {
  const root = join(folder, `${volumeId}.files`);
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), content);
  }
  const out = join(folder, `${volumeId.replaceAll(' ', '_')}.iso`);
  const boots = loader === undefined ? [] : ['-boot_image', 'any', `bin_path=${loader}`, '-boot_image', 'any', 'emul_type=none']; // prettier-ignore
  const args = ['-no_rc', '-report_about', 'FATAL', '-outdev', out, '-volid', volumeId, '-map', root, '/', ...boots];
  await run('xorriso', args);
  return out;
}

/** The text of a file on a medium; undefined where it has none of that path. */
export async function readFromIso(iso: string, path: string, folder: string): Promise<string | undefined> {
  const to = join(folder, `read-${Math.random().toString(36).slice(2)}`);
  const args = ['-no_rc', '-report_about', 'FATAL', '-osirrox', 'on', '-indev', iso, '-extract', path, to];
  try {
    await run('xorriso', args);
    return (await lstat(to)).isFile() ? await readFile(to, 'utf8') : undefined;
  } catch {
    return undefined;
  }
}

/** What xorriso says of how a medium is booted, a line each. */
export async function bootRecords(iso: string): Promise<string[]> {
  const { stdout } = await run('xorriso', [
    '-no_rc',
    '-report_about',
    'FATAL',
    '-indev',
    iso,
    '-report_el_torito',
    'plain',
  ]);
  return stdout.split('\n');
}
