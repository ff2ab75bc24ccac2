import { listScriptKinds } from '../../../../src/os/scripts/kinds/registry.js';
import type { BootMedium, FakeServer } from '../state.js';

/** Patterns for the word of a kernel command line that names an install script on the medium. */
const SCRIPT_WORDS = listScriptKinds().flatMap(([, { medium }]) => medium.word ?? []);
/**
 * Paths at which the installers of FreeBSD, Mageia and Windows look for their script on the medium if the command line
 * names no script.
 */
const DEFAULT_PATHS = listScriptKinds().flatMap(([, { medium }]) => medium.paths ?? []);

/** The folders of a medium to which the path of a script may be relative. */
const ROOTS = ['', 'i586/', 'x86_64/'];

/** The install script that an installer finds, or does not find. */
export interface InstallScript {
  /** Where the script is, and its size in bytes: a text that the installer prints on the console. */
  description: string;
  /** Whether there is a script. If false, the installer waits for input. */
  isThere: boolean;
}

/** Finds the script of a server's installer, on the media in the server's drives or in the user data. */
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

/**
 * Checks whether the original boot loader of the medium starts the installer. If not, imagefactory has given the
 * installer a ramdisk, which may contain the script.
 */
function usesOwnBootLoader({ imageProperties, root }: FakeServer, media: BootMedium[]): boolean {
  const isGivenKernel = (imageProperties['kernel_id'] ?? '') !== '' || root.startsWith !== undefined;
  return !isGivenKernel && media[0]?.commandLine === undefined;
}

function describeOnMedium(path: string, bytes: number | undefined): InstallScript {
  const isThere = bytes !== undefined;
  return { description: isThere ? `${bytes} bytes of /${path} on the medium` : `no /${path} on the medium`, isThere };
}
