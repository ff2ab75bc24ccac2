import { FactoryError } from '../../../domain/errors.js';
import type { Repository } from '../../../tdl/types.js';
import { cleanLinux, cleanLinuxAtShutdown } from '../../guest/clean-linux.js';
import {
  RETRY,
  escapeFileName,
  WAIT_FOR_LOCK,
  WAIT_FOR_CLOUD_INIT,
  quoteWords,
  writeFileCommand,
} from '../../guest/guest-scripts.js';
import type { GuestScript, GuestTools } from '../../guest/guest-tools.js';
import { maskAddressPasswords } from '../../passwords/address-passwords.js';

/**
 * Defines the shell function `apt`, which runs apt-get. It asks no question, and keeps a configuration file that the
 * template has changed. apt-get waits for its lock since version 2.0; for older versions `patiently` waits.
 */
const APT = `export DEBIAN_FRONTEND=noninteractive APT_LISTCHANGES_FRONTEND=none NEEDRESTART_MODE=a LC_ALL=C
apt() {
  patiently 'Could not get lock|Unable to (lock|acquire)' apt-get -y -q -o DPkg::Lock::Timeout=600 -o Acquire::Retries=3 \\
    -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold "$@"
}`;

const HEAD = `set -eu\n${WAIT_FOR_LOCK}\n${RETRY}\n${APT}\n${WAIT_FOR_CLOUD_INIT}`;

function sourcesPath(repository: Repository): string {
  return `/etc/apt/sources.list.d/${escapeFileName(repository.name)}.list`;
}

function certificatePath(repository: Repository): string {
  return `/etc/apt/apt.conf.d/90-${escapeFileName(repository.name)}-no-certificate-check`;
}

/**
 * Writes the line for sources.list. The template gives a one-line entry (`deb http://… bookworm main`), the part after
 * `deb`, or only the URL of a flat repository. An unsigned repository gets the option `trusted=yes`.
 *
 * @throws FactoryError InvalidTemplate when the address is none of these
 */
function writeSourceLine({ name, url, signed }: Repository): string {
  const match = /^(?:(deb|deb-src)\s+)?(?:\[([^\]]*)\]\s*)?([a-z][a-z+.-]*:\S+)(?:\s+(\S.*))?$/i.exec(url.trim());
  const [, type = 'deb', options = '', address, rest = './'] = match ?? [];
  if (address === undefined) {
    throw new FactoryError(
      'InvalidTemplate',
      `apt cannot use the <url> of repository ${JSON.stringify(name)}: ${maskAddressPasswords(url)}`,
      {
        hint: 'write <url>deb http://… bookworm main</url>, or the address of a flat repository',
      },
    );
  }
  const given = options
    .trim()
    .split(/\s+/)
    .filter((option) => option !== '');
  if (!signed && !given.some((option) => option.startsWith('trusted='))) given.push('trusted=yes');
  return [type, ...(given.length > 0 ? [`[${given.join(' ')}]`] : []), address, rest].join(' ');
}

/**
 * Adds the repository, and reads its package list at once, so that an unreadable repository fails here and not in a
 * later step.
 */
function addDebianRepository(repository: Repository): GuestScript {
  const line = writeSourceLine(repository);
  const path = sourcesPath(repository);
  const https = /\bhttps:\/\/(?:[^/\s@]*@)?([^/\s:]+)/i.exec(line)?.[1];
  const unchecked =
    https === undefined || repository.sslverify
      ? ''
      : `${writeFileCommand(
          certificatePath(repository),
          `Acquire::https::${https}::Verify-Peer "false";\nAcquire::https::${https}::Verify-Host "false";\n`,
        )}\n`;
  const only = `-o Dir::Etc::SourceList=${path} -o Dir::Etc::SourceParts=- -o APT::Get::List-Cleanup=0`;
  return {
    title: `add repository ${repository.name}`,
    script: `${HEAD}
mkdir -p /etc/apt/sources.list.d /etc/apt/apt.conf.d
${unchecked}${writeFileCommand(path, `${line}\n`)}
again apt ${only} -o APT::Update::Error-Mode=any update
`,
  };
}

/** Removes a repository whose `persisted` is no. */
function removeDebianRepository(repository: Repository): GuestScript {
  return {
    title: `remove repository ${repository.name}`,
    script: `set -eu\nrm -f -- ${quoteWords([sourcesPath(repository), certificatePath(repository)])}\n`,
  };
}

/**
 * Installs all packages in one transaction, with their recommended packages, which is the default of `apt-get install`.
 */
function installDebianPackages(names: string[]): GuestScript {
  return {
    title: names.length === 1 ? `install package ${names[0]}` : `install ${names.length} packages`,
    script: `${HEAD}
again apt update
apt install -- ${quoteWords(names)}
`,
  };
}

/**
 * A command that lists only installed packages. Oz used `dpkg --get-selections`, which also lists removed packages
 * whose configuration is left. The names are the same as Oz's: `name`, or `name:arch` where dpkg needs it. dpkg before
 * 1.16.2 prints nothing for `binary:Package`; then awk reads `Package` in its place.
 */
const LIST_DEBIAN_PACKAGES = listInstalled('${binary:Package} ${Package}', '{ print $4 }');

const LIST_DEBIAN_DETAILS = listInstalled(
  '${Package} ${Version} ${Architecture}',
  String.raw`{ print $4 "\t" $5 "\t" $6 }`,
);

/** Builds a command that prints fields of the installed packages. In `print`, the fields begin at `$4`. */
function listInstalled(fields: string, print: string): string {
  const query = `dpkg-query -W -f='\${Status} ${fields}\\n'`;
  // Not a pipe: its exit status would be that of awk.
  return `packages=$(${query}) && printf '%s\\n' "$packages" | awk '$3 == "installed" ${print}'`;
}

/** Removes the identity of the machine (see {@link cleanLinux}), and the files that apt has fetched. */
function cleanDebian(kept: readonly string[]): GuestScript {
  return {
    title: 'remove what belongs to this machine and not to the image',
    script: `${cleanLinux(kept)}
apt-get clean >/dev/null 2>&1 || true
rm -rf /var/cache/apt/archives/*.deb /var/cache/apt/*.bin /var/lib/apt/lists/*
mkdir -p /var/lib/apt/lists/partial /var/cache/apt/archives/partial
sync
`,
  };
}

/** The tools of guests with apt and dpkg. */
export const APT_TOOLS: GuestTools = {
  packageManager: 'apt',
  addRepository: addDebianRepository,
  removeRepository: removeDebianRepository,
  installPackages: installDebianPackages,
  listPackages: LIST_DEBIAN_PACKAGES,
  listPackageDetails: LIST_DEBIAN_DETAILS,
  cleanGuest: cleanDebian,
  cleanAtShutdown: cleanLinuxAtShutdown,
};
