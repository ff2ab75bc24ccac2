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
import { refusePackages } from '../../guest/no-package-manager.js';

/**
 * Defines the shell function `manage`. It runs dnf when the guest has it (from Fedora 22 on), otherwise yum; some
 * releases have both. dnf and yum wait for their own locks; `patiently` waits for rpm's lock, which another rpm may
 * hold.
 */
const MANAGER = `export LC_ALL=C
if command -v dnf >/dev/null 2>&1; then manager=dnf; else manager=yum; fi
manage() { patiently "can't create transaction lock|Failed to obtain the transaction lock|Another app is currently holding" "$manager" -y "$@"; }`;

const HEAD = `set -eu\n${WAIT_FOR_LOCK}\n${RETRY}\n${MANAGER}\n${WAIT_FOR_CLOUD_INIT}`;

function repoPath(repository: Repository): string {
  return `/etc/yum.repos.d/${escapeFileName(repository.name)}.repo`;
}

function writeRepoFile(repository: Repository, needed = false): string {
  const flag = (value: boolean): string => (value ? '1' : '0');
  return [
    `[${escapeFileName(repository.name)}]`,
    `name=${repository.name}`,
    `baseurl=${repository.url}`,
    'enabled=1',
    // In the image, a repository that no longer exists must not stop every update.
    `skip_if_unavailable=${flag(!needed)}`,
    `gpgcheck=${flag(repository.signed)}`,
    `sslverify=${flag(repository.sslverify)}`,
    '',
  ].join('\n');
}

/**
 * Adds the repository, and reads its metadata at once, so that an unreadable repository fails here and not in a later
 * step.
 */
function addFedoraRepository(repository: Repository): GuestScript {
  const id = escapeFileName(repository.name);
  return {
    title: `add repository ${repository.name}`,
    script: `${HEAD}
mkdir -p /etc/yum.repos.d
${writeFileCommand(repoPath(repository), writeRepoFile(repository))}
again manage '--disablerepo=*' ${quoteWords([`--enablerepo=${id}`, `--setopt=${id}.skip_if_unavailable=0`])} makecache
`,
  };
}

/**
 * Adds a repository for yum before 3.2.28, which has no `--setopt`. So the script first writes a repository file that
 * makes yum fail when the repository cannot be read. After yum has read the metadata, the script replaces this file
 * with the final one.
 */
function addRepositoryBeforeSetopt(repository: Repository): GuestScript {
  const id = escapeFileName(repository.name);
  return {
    title: `add repository ${repository.name}`,
    script: `${HEAD}
mkdir -p /etc/yum.repos.d
${writeFileCommand(repoPath(repository), writeRepoFile(repository, true))}
again manage '--disablerepo=*' ${quoteWords([`--enablerepo=${id}`])} makecache
${writeFileCommand(repoPath(repository), writeRepoFile(repository))}
`,
  };
}

/** Removes a repository whose `persisted` is no. */
function removeFedoraRepository(repository: Repository): GuestScript {
  return {
    title: `remove repository ${repository.name}`,
    script: `set -eu\nrm -f -- ${quoteWords([repoPath(repository)])}\n`,
  };
}

/**
 * Returns the name by which rpm finds the package that yum has installed under a name: a package, a file or a
 * capability. yum accepts an epoch (`1:foo-2.3`, `foo-1:2.3`), which old versions of rpm do not look up. Returns
 * undefined for what rpm does not know as yum does: groups (`@core`), patterns, and the address or the file of a
 * package.
 */
function toRpmName(name: string): string | undefined {
  if (name.endsWith('.rpm') || name.includes('://') || !/^[\w./+:()=~^-]+$/.test(name)) return undefined;
  return name.replace(/^\d+:|(?<=^[^()]*-)\d+:/, '');
}

/** Matches the lines with which yum and dnf say that they leave a package out. They may report success all the same. */
const LEFT_OUT =
  '^(No package .* available|No match for argument: |Cannot open: |Warning: (Group|group) .* does not exist)';

/**
 * Installs all packages in one transaction. yum reports success even if some packages do not exist; this script fails
 * then.
 */
function installFedoraPackages(names: string[]): GuestScript {
  return {
    title: names.length === 1 ? `install package ${names[0]}` : `install ${names.length} packages`,
    script: `${HEAD}
manage install ${quoteWords(names)}
if grep -E ${quoteWords([LEFT_OUT])} "$work/output"; then exit 1; fi
${writeInstalledCheck(names.map(toRpmName).filter((name) => name !== undefined))}`,
  };
}

/**
 * Writes commands that check with rpm that yum has installed each package: by its name (or name-version), or by a
 * capability. dnf needs no check: it fails when it cannot install a package. A package that another one replaces counts
 * as installed.
 */
function writeInstalledCheck(names: string[]): string {
  if (names.length === 0) return '';
  return `is_replaced() {
  sed -n 's/^Package \\([^ ]*\\) is obsoleted by .*/\\1/p' "$work/output" | while read -r old; do
    case $1 in "$old" | "$old".* | "$old"-*) echo yes ;; esac
  done | grep -q yes
}
missing=''
[ "$manager" = dnf ] || for name in ${quoteWords(names)}; do
  rpm -q -- "$name" >/dev/null 2>&1 || rpm -q --whatprovides -- "$name" >/dev/null 2>&1 || is_replaced "$name" ||
    missing="$missing $name"
done
if [ -n "$missing" ]; then
  echo "not installed, although $manager reported success:$missing" >&2
  exit 1
fi
`;
}

/**
 * A command that lists full names (name-version-release.arch), including the imported keys (gpg-pubkey), as Oz lists
 * them.
 */
export const LIST_FEDORA_PACKAGES = 'rpm -qa';

export const LIST_RPM_DETAILS = String.raw`rpm -qa --qf '%{NAME}\t%|EPOCH?{%{EPOCH}:}|%{VERSION}-%{RELEASE}\t%{ARCH}\n'`;

/** Removes the identity of the machine (see {@link cleanLinux}), and the files that yum or dnf has fetched. */
function cleanFedora(kept: readonly string[]): GuestScript {
  return {
    title: 'remove what belongs to this machine and not to the image',
    script: `${cleanLinux(kept)}
rm -rf /var/cache/dnf/* /var/cache/libdnf5/* /var/cache/yum/* /var/lib/yum/uuid
rm -f /var/lib/rpm/__db*
sync
`,
  };
}

/** The tools of guests with yum. The scripts use dnf instead when the guest has it. */
export const YUM: GuestTools = {
  packageManager: 'yum',
  addRepository: addFedoraRepository,
  removeRepository: removeFedoraRepository,
  installPackages: installFedoraPackages,
  listPackages: LIST_FEDORA_PACKAGES,
  listPackageDetails: LIST_RPM_DETAILS,
  cleanGuest: cleanFedora,
  cleanAtShutdown: cleanLinuxAtShutdown,
};

export const DNF: GuestTools = { ...YUM, packageManager: 'dnf' };

export const OLD_YUM: GuestTools = { ...YUM, addRepository: addRepositoryBeforeSetopt };

/** The tools of releases that have rpm, but no program that fetches packages. */
export const RPM_ONLY: GuestTools = {
  ...OLD_YUM,
  packageManager: 'rpm',
  addRepository: refusePackages,
  removeRepository: refusePackages,
  installPackages: refusePackages,
};
