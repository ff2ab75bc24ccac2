import type { Repository } from '../../../tdl/types.js';
import {
  CLEAN_CLOUD_INIT,
  CLEAR_AT_SHUTDOWN,
  CLEAR_IN_STEP,
  CLEAR_TEMPORARY,
  DROP_HALF_WRITTEN,
  keepTemplateFiles,
  OUR_NAME,
  runOnFound,
} from '../../guest/clean-linux.js';
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

/** Shell commands that remove what belongs to this machine, except temporary files. */
function forgetMachine(kept: readonly string[]): string {
  return `${keepTemplateFiles(kept)}
${CLEAR_TEMPORARY}
drop /etc/hostid /etc/machine-id /var/db/dbus/machine-id /var/db/dhclient.leases.* /entropy /boot/entropy
drop /var/db/entropy-file /var/db/entropy/* /var/cache/pkg/*
drop /var/lib/cloud/instance /var/lib/cloud/instances /var/lib/cloud/data /var/lib/cloud/sem
drop /root/.history /root/.sh_history /root/.bash_history
drop /var/log/*.[0-9] /var/log/*.bz2 /var/log/*.gz /var/log/*.xz /var/log/*.zst
find /var/log -type f ${runOnFound('empty')} || true
name='${OUR_NAME}'
for file in /etc/rc.conf /etc/rc.conf.d/hostname /etc/hostname; do
  if grep -q "$name" "$file" 2>/dev/null; then
    sed "s/$name[^[:space:]\\"']*/localhost/g" "$file" >"$file.new"
    cat "$file.new" >"$file"
    rm -f "$file.new"
  fi
done
# The next machine makes its own host id, keys and file system size at its first boot.
true >/firstboot
sync`;
}

function clean(kept: readonly string[]): GuestScript {
  return {
    title: 'remove what belongs to this machine and not to the image',
    script: `set -eu
${CLEAN_CLOUD_INIT}
pkg clean -a -y >/dev/null 2>&1 || true
${forgetMachine(kept)}
${DROP_HALF_WRITTEN}
# Younger files may be in use, by whoever is still at work.
clear_temporary ${CLEAR_IN_STEP} -type f -mmin +10 || true
sync
`,
  };
}

/**
 * Stops all services as init does it, removes what they have written, and powers the machine off without asking init
 * for a second shutdown, which would write the random seed again.
 * https://man.freebsd.org/cgi/man.cgi?query=rc.shutdown&sektion=8
 */
function cleanAtShutdown(kept: readonly string[]): string {
  return `freebsd=$(uname -s)
if [ "$freebsd" = FreeBSD ]; then sh /etc/rc.shutdown; fi
${forgetMachine(kept)}
clear_temporary ${CLEAR_AT_SHUTDOWN} ! -type d
sync
rm -rf -- "\${tools%/*}"
if [ "$freebsd" = FreeBSD ]; then halt -l -p; fi
`;
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
  cleanAtShutdown,
};
