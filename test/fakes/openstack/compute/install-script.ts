import { listScriptKinds } from '../../../../src/os/scripts/kinds/registry.js';
import type { BootMedium, FakeServer } from '../state.js';

/** Words of command lines that name a script on the medium. */
const WORDS = listScriptKinds().flatMap(([, { medium }]) => medium.word ?? []);
/** The paths where installers look without such a word: those of FreeBSD, Mageia and Windows. */
const PATHS = listScriptKinds().flatMap(([, { medium }]) => medium.paths ?? []);

/** Which folders of a medium an installer may take for its root. */
const ROOTS = ['', 'i586/', 'x86_64/'];

/** Where an installer gets its answers from. */
export interface InstallScript {
  /** For the console. */
  words: string;
  /** False: it is not there, so that the installer waits for somebody. */
  isThere: boolean;
}

/** The script of a server's installer, which sees all the media in its drives. */
export function installScript(server: FakeServer, media: BootMedium[]): InstallScript {
  const { commandLine, userData } = server;
  const sizeOf = (path: string): number | undefined =>
    media.flatMap(({ files }) => ROOTS.map((root) => files.get(root + path))).find((size) => size !== undefined);
  const named = WORDS.map((word) => word.exec(commandLine)?.[1]).find((path) => path !== undefined);
  if (named !== undefined) return onMedium(named, sizeOf(named));
  const bytes = Buffer.from(userData ?? '', 'base64').length;
  const path = bytes > 0 ? undefined : PATHS.find((place) => sizeOf(place) !== undefined);
  if (path !== undefined) return onMedium(path, sizeOf(path));
  return { words: `${bytes} bytes of user data`, isThere: bytes > 0 || !startsByItself(server, media) };
}

/** Whether the medium's own boot loader started it. Every other one may have been given a ramdisk with the script in it. */
function startsByItself({ imageProperties, root }: FakeServer, media: BootMedium[]): boolean {
  const isGivenKernel = (imageProperties['kernel_id'] ?? '') !== '' || root.startsWith !== undefined;
  return !isGivenKernel && media[0]?.commandLine === undefined;
}

function onMedium(path: string, bytes: number | undefined): InstallScript {
  const isThere = bytes !== undefined;
  return { words: isThere ? `${bytes} bytes of /${path} on the medium` : `no /${path} on the medium`, isThere };
}
