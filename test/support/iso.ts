import { execFile } from 'node:child_process';
import { lstat, mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/**
 * Creates an ISO 9660 image.
 *
 * @param folder a folder of the test
 * @param files contents by their paths on the medium
 * @param loader path, on the medium, of the boot loader for a BIOS. Default: the medium is not bootable
 * @returns path of the image
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

/** Reads a text file from an ISO image. Returns undefined when the image has no file at that path. */
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

/** Reads the boot records of an ISO image. Each element is one line of xorriso's report. */
export async function readBootRecords(iso: string): Promise<string[]> {
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
