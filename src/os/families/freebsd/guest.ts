import type { Repository } from '../../../tdl/types.js';
import { RETRY, escapeFileName, WAIT_FOR_LOCK, quoteWords, writeFileCommand } from '../../guest/guest-scripts.js';
import type { GuestScript, GuestTools } from '../../guest/guest-tools.js';

const HEAD = `set -eu
${WAIT_FOR_LOCK}
${RETRY}
export LC_ALL=C ASSUME_ALWAYS_YES=yes IGNORE_OSVERSION=yes
pkgs() { patiently 'is locked|Cannot get an? (exclusive|advisory|read) lock' pkg "$@"; }`;

function repoPath(repository: Repository): string {
  return `/usr/local/etc/pkg/repos/${escapeFileName(repository.name)}.conf`;
}

function addRepository(repository: Repository): GuestScript {
  const { name, url, signed, sslverify } = repository;
  const id = escapeFileName(name);
  const insecure = sslverify ? '' : '  env: { SSL_NO_VERIFY_PEER: "1" },\n';
  const check = signed ? '  signature_type: "fingerprints",\n  fingerprints: "/usr/share/keys/pkg",\n' : '';
  const text = `"${id}": {\n  url: ${JSON.stringify(url.trim())},\n${check}${insecure}  enabled: yes\n}\n`;
  return {
    title: `add repository ${name}`,
    script: `${HEAD}
mkdir -p /usr/local/etc/pkg/repos
${writeFileCommand(repoPath(repository), text)}
again pkgs update -f -r ${quoteWords([id])}
`,
  };
}

function removeRepository(repository: Repository): GuestScript {
  return {
    title: `remove repository ${repository.name}`,
    script: `set -eu\nrm -f -- ${quoteWords([repoPath(repository)])}\n`,
  };
}

/** Installs packages. If pkg is missing, the base system's program of the same name fetches pkg first. */
function installPackages(names: string[]): GuestScript {
  return {
    title: names.length === 1 ? `install package ${names[0]}` : `install ${names.length} packages`,
    script: `${HEAD}
again pkgs update
pkgs install -y -- ${quoteWords(names)}
`,
  };
}

function clean(): GuestScript {
  return {
    title: 'remove what belongs to this machine and not to the image',
    script: `set -eu
if command -v cloud-init >/dev/null 2>&1; then cloud-init clean --logs >/dev/null 2>&1 || true; fi
pkg clean -a -y >/dev/null 2>&1 || true
rm -f /etc/hostid /etc/machine-id /var/db/dbus/machine-id /var/db/dhclient.leases.* /entropy /var/db/entropy-file
rm -rf /var/db/entropy/* /var/lib/cloud /var/cache/pkg/*
rm -f /root/.history /root/.sh_history /root/.bash_history /var/log/*.[0-9] /var/log/*.bz2 /var/log/*.gz /var/log/*.xz /var/log/*.zst
find /var/log -type f -exec sh -c 'for file in "$@"; do : >"$file"; done' sh {} +
find /tmp /var/tmp -xdev -type f -mmin +10 -delete 2>/dev/null || true
# The next machine makes its own host id, keys and file system size at its first boot.
: >/firstboot
sync
`,
  };
}

/** The tools of guests with pkg. The ICICLE gets names with versions, as with rpm. */
export const FREEBSD_TOOLS: GuestTools = {
  packageManager: 'pkg',
  addRepository,
  removeRepository,
  installPackages,
  listPackages: "pkg query '%n-%v'",
  listPackageDetails: "pkg query '%n\t%v\t%q'",
  cleanGuest: clean,
};
