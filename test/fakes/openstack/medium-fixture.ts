import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Path of the boot loader on the medium. */
const LOADER = 'isolinux/isolinux.bin';
/** Size of the boot loader in bytes. The boot loader is empty: it does nothing. */
const LOADER_SIZE = 2048;

/** An install medium for tests. */
export interface MediumFixture {
  /** The contents of the files, by path without a leading slash. */
  files: Record<string, string | Buffer>;
  /** The volume label of the ISO 9660 image. Default `FIXTURE`. */
  volumeId?: string;
  /**
   * Whether the medium has a boot loader (El Torito). A machine can only boot from a medium that has one. Default true.
   */
  bootable?: boolean;
}

/** Creates an ISO 9660 image of about 400 KB, with Rock Ridge names. Needs the program xorriso. */
export async function createMediumFixture({
  files,
  volumeId = 'FIXTURE',
  bootable = true,
}: MediumFixture): Promise<Buffer> {
  const folder = await mkdtemp(join(tmpdir(), 'medium-fixture-'));
  try {
    const all = { ...files, ...(bootable ? { [LOADER]: Buffer.alloc(LOADER_SIZE) } : {}) };
    for (const [path, content] of Object.entries(all)) {
      const file = join(folder, 'tree', path);
      await mkdir(dirname(file), { recursive: true });
      await writeFile(file, content);
    }
    const iso = join(folder, 'medium.iso');
    const boot = bootable ? ['-boot_image', 'isolinux', `bin_path=/${LOADER}`, '-boot_image', 'any', 'emul_type=none'] : []; // prettier-ignore
    const map = ['-map', join(folder, 'tree'), '/'];
    await run('xorriso', ['-no_rc', '-report_about', 'SORRY', '-outdev', iso, '-volid', volumeId, ...map, ...boot, '-commit']); // prettier-ignore
    return await readFile(iso);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
