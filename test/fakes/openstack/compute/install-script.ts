import type { BootMedium, FakeServer } from '../state.js';

/**
 * The options of kernel command lines that name a script on the medium. Mageia's option has no scheme for the medium;
 * the path in Mandriva's is relative to the folder of the architecture.
 */
const SCRIPT_OPTION =
  /(?:^|\s)(?:file=\/cdrom\/|(?:inst\.)?ks=cdrom:\/|autoyast=cd:\/|inst\.auto=label:\/\/[^/\s]+\/|kickstart=(?!\w+:))(\S+)/;
/** The paths at which the installers of FreeBSD, Mageia and Windows look for a script without an option. */
const DEFAULT_PATHS = ['etc/installerconfig', 'install/auto_inst.cfg.pl', 'autounattend.xml', 'Autounattend.xml'];

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
  const named = SCRIPT_OPTION.exec(commandLine)?.[1];
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
