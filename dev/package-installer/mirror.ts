import { existsSync } from 'node:fs';
import { mkdir, rm, symlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Mirror } from '../installer-tree/mirror.js';
import type { DebianArchives } from '../installer-tree/upstream.js';

/** Name of our own suite of installer components. We use it when no mirror has Debian's components. */
export const LOCAL_SUITE = 'labdi';
/** Lines that a preseed needs only with this suite. The second line allows a suite without a signature. */
export const LOCAL_SUITE_LINES = `d-i mirror/udeb/suite string ${LOCAL_SUITE}
d-i debian-installer/allow_unauthenticated boolean true
`;

const INSTALLER = 'debian/dists/bookworm/main/installer-amd64';

/** Archives and folders of a mirror. */
export interface MirrorPlace {
  archives: DebianArchives;
  /** Folder for the copies of files from the archives. */
  cache: string;
  /** Folder for the files that replace those of the archives. The mirror deletes it and creates it again. */
  tree: string;
}

export interface LocalSuite {
  /** Folder that contains `dists/` and `pool/` of the suite. */
  folder: string;
  /** Folder with Debian's kernel and ramdisk, as `make.sh --netboot` creates it. */
  netboot: string;
}

/**
 * Creates a mirror of Debian's archive. It also serves the suite in `folder`, and the kernel and ramdisk in `netboot`.
 *
 * @throws Error when one of these folders does not exist
 */
export async function mirrorWithSuite(place: MirrorPlace, { folder, netboot }: LocalSuite): Promise<Mirror> {
  const parts = [
    [`debian/dists/${LOCAL_SUITE}`, join(folder, 'dists', LOCAL_SUITE)],
    [`debian/pool/${LOCAL_SUITE}`, join(folder, 'pool', LOCAL_SUITE)],
    [INSTALLER, join(netboot, INSTALLER)],
  ] as const;
  await rm(place.tree, { recursive: true, force: true });
  for (const [path, from] of parts) {
    if (!existsSync(from)) throw new Error(`the mirror’s folder ${from} does not exist`);
    await mkdir(dirname(join(place.tree, path)), { recursive: true });
    await symlink(from, join(place.tree, path));
  }
  return passing(place, false);
}

/**
 * Creates a mirror that passes on all files of a full Debian mirror: kernel, ramdisk, installer components and
 * packages.
 */
export async function wholeMirror(place: MirrorPlace): Promise<Mirror> {
  await rm(place.tree, { recursive: true, force: true });
  await mkdir(place.tree, { recursive: true });
  return passing(place, true);
}

function passing({ archives, cache, tree }: MirrorPlace, archiveComponents: boolean): Mirror {
  const { debian, security } = archives;
  return new Mirror({ tree, cache, archiveComponents, archives: { debian, 'debian-security': security } });
}
