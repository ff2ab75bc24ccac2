import { listScriptKinds } from '../../../../src/os/scripts/kinds/registry.js';
import type { BootMedium, FakeServer } from '../state.js';

/** The words of kernel command lines that name a script on the medium, by kind. */
const SCRIPT_WORDS = listScriptKinds().flatMap(([, { medium }]) => medium.word ?? []);
/** The paths at which the installers of FreeBSD, Mageia and Windows look for a script without such a word. */
const DEFAULT_PATHS = listScriptKinds().flatMap(([, { medium }]) => medium.paths ?? []);

/** The folders of a medium that an installer may use as its root. */
const ROOTS = ['', 'i586/', 'x86_64/'];

/** The install script of an installer. */
export interface InstallScript {
  /** Source and size of the script, for the console. */
  description: string;
  /** False: the installer finds no script and waits for input. */
  isThere: boolean;
}

/** Finds the script of a server's installer, which can read all media in the server's drives. */
export function findInstallScript(server: FakeServer, media: BootMedium[]): InstallScript {
  const { commandLine, userData } = server;
  const findSize = (path: string): number | undefined =>
    media.flatMap(({ files }) => ROOTS.map((root) => files.get(root + path))).find((size) => size !== undefined);
  const named = SCRIPT_WORDS.map((word) => word.exec(commandLine)?.[1]).find((path) => path !== undefined);
  if (named !== undefined) return describeOnMedium(named, findSize(named));
  const bytes = Buffer.from(userData ?? '', 'base64').length;
  const path = bytes > 0 ? undefined : DEFAULT_PATHS.find((candidate) => findSize(candidate) !== undefined);
  if (path !== undefined) return describeOnMedium(path, findSize(path));
  return { description: `${bytes} bytes of user data`, isThere: bytes > 0 || !usesOwnBootLoader(server, media) };
}

/** Whether the original boot loader of the medium starts the installer. Otherwise the script may be in the ramdisk. */
function usesOwnBootLoader({ imageProperties, root }: FakeServer, media: BootMedium[]): boolean {
  const isGivenKernel = (imageProperties['kernel_id'] ?? '') !== '' || root.startsWith !== undefined;
  return !isGivenKernel && media[0]?.commandLine === undefined;
}

function describeOnMedium(path: string, bytes: number | undefined): InstallScript {
  const isThere = bytes !== undefined;
  return { description: isThere ? `${bytes} bytes of /${path} on the medium` : `no /${path} on the medium`, isThere };
}
