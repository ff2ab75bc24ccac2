import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Where the fixture's boot loader is; the firmware is only told so. */
const LOADER = 'isolinux/isolinux.bin';
/** Bytes of a boot loader that do nothing. */
const LOADER_SIZE = 2048;

/** An install medium for tests. */
export interface MediumFixture {
  /** Content by path, without a slash at its beginning. */
  files: Record<string, string | Buffer>;
  /** Default `FIXTURE`. */
  volumeId?: string;
  /** Whether a machine can be started from it: by a boot loader of its own, as El Torito has it. Default true. */
  bootable?: boolean;
}

/** Makes an ISO 9660 image with Rock Ridge, of some 400 KB. It needs xorriso. */
export async function mediumFixture({ files, volumeId = 'FIXTURE', bootable = true }: MediumFixture): Promise<Buffer> {
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
