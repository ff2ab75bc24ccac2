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
import { LIST_FEDORA_PACKAGES, LIST_RPM_DETAILS } from '../fedora/guest.js';

/**
 * Defines the shell function `zypp`, which runs zypper. zypper asks no question and waits for its own lock. Its exit
 * statuses 100 to 103 are information (zypper(8), "exit codes") and count as success. Higher exit statuses are
 * failures. For example, 104 means that a package does not exist, 106 that a repository could not be read, and 107 that
 * an rpm script failed.
 */
const ZYPPER = `export LC_ALL=C ZYPP_LOCK_TIMEOUT=600
zypp() {
  patiently 'System management is locked' zypper --non-interactive "$@" && return 0
  status=$?
  case $status in 100 | 101 | 102 | 103) return 0 ;; esac
  return "$status"
}`;

const HEAD = `set -eu\n${WAIT_FOR_LOCK}\n${RETRY}\n${ZYPPER}\n${WAIT_FOR_CLOUD_INIT}`;

function repoPath(repository: Repository): string {
  return `/etc/zypp/repos.d/${escapeFileName(repository.name)}.repo`;
}

/**
 * Returns the URL of a repository. If the template turns `sslverify` off, the URL's query says so, because libzypp
 * reads the setting `ssl_verify` from there.
 */
function buildAddress({ url, sslverify }: Repository): string {
  const address = url.trim();
  if (sslverify || !/^https:/i.test(address)) return address;
  return `${address}${address.includes('?') ? '&' : '?'}ssl_verify=no`;
}

function writeRepoFile(repository: Repository): string {
  return [
    `[${escapeFileName(repository.name)}]`,
    `name=${repository.name}`,
    'enabled=1',
    'autorefresh=1',
    `baseurl=${buildAddress(repository)}`,
    `gpgcheck=${repository.signed ? '1' : '0'}`,
    '',
  ].join('\n');
}

/**
 * Adds the repository, and reads its metadata at once, so that an unreadable repository fails here and not in a later
 * step.
 */
function addRepository(repository: Repository): GuestScript {
  const id = escapeFileName(repository.name);
  const keys = repository.signed ? '--gpg-auto-import-keys' : '--no-gpg-checks';
  return {
    title: `add repository ${repository.name}`,
    script: `${HEAD}
mkdir -p /etc/zypp/repos.d
${writeFileCommand(repoPath(repository), writeRepoFile(repository))}
again zypp ${keys} refresh ${quoteWords([id])}
`,
  };
}

function removeRepository(repository: Repository): GuestScript {
  const cache = `/var/cache/zypp/raw/${escapeFileName(repository.name)}`;
  return {
    title: `remove repository ${repository.name}`,
    script: `set -eu\nrm -f -- ${quoteWords([repoPath(repository)])}\nrm -rf -- ${quoteWords([cache])}\n`,
  };
}

/**
 * Installs all packages in one transaction. The script first disables repositories on the install medium, because
 * zypper would ask for the medium, which is gone.
 */
function installPackages(names: string[]): GuestScript {
  return {
    title: names.length === 1 ? `install package ${names[0]}` : `install ${names.length} packages`,
    script: `${HEAD}
for file in /etc/zypp/repos.d/*.repo; do
  if grep -qE '^baseurl=(cd|dvd|hd|iso):' "$file" 2>/dev/null; then sed -i 's/^enabled=1/enabled=0/' "$file"; fi
done
again zypp refresh
zypp install --auto-agree-with-licenses -- ${quoteWords(names)}
`,
  };
}

function clean(kept: readonly string[]): GuestScript {
  return {
    title: 'remove what belongs to this machine and not to the image',
    script: `${cleanLinux(kept)}
rm -rf /var/cache/zypp/* /var/cache/zypper/* /var/log/YaST2 /var/lib/wicked/*.xml
rm -f /var/lib/zypp/AnonymousUniqueId /var/lib/rpm/__db* /root/autoinst.xml /var/adm/autoinstall/cache/*
sync
`,
  };
}

export const ZYPPER_TOOLS: GuestTools = {
  packageManager: 'zypper',
  addRepository,
  removeRepository,
  installPackages,
  listPackages: LIST_FEDORA_PACKAGES,
  listPackageDetails: LIST_RPM_DETAILS,
  cleanGuest: clean,
  cleanAtShutdown: cleanLinuxAtShutdown,
};
