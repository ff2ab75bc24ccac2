import type { Repository } from '../../../tdl/types.js';
import { cleanLinux, cleanLinuxAtShutdown } from '../../guest/clean-linux.js';
import { RETRY, escapeFileName, WAIT_FOR_LOCK, WAIT_FOR_CLOUD_INIT, quoteWords } from '../../guest/guest-scripts.js';
import type { GuestScript, GuestTools } from '../../guest/guest-tools.js';
import { LIST_FEDORA_PACKAGES, LIST_RPM_DETAILS } from '../fedora/guest.js';

const HEAD = `set -eu
${WAIT_FOR_LOCK}
${RETRY}
export LC_ALL=C
urpm() { patiently 'database (is )?locked' "$@"; }
${WAIT_FOR_CLOUD_INIT}`;

/** Adds a repository for urpmi, which calls it a medium. */
function addRepository({ name, url, sslverify }: Repository): GuestScript {
  const unchecked = sslverify || !/^https:/i.test(url) ? [] : ['--curl-options', '--insecure'];
  return {
    title: `add repository ${name}`,
    script: `${HEAD}
again urpm urpmi.addmedia ${quoteWords([...unchecked, '--', escapeFileName(name), url.trim()])}
`,
  };
}

function removeRepository({ name }: Repository): GuestScript {
  return {
    title: `remove repository ${name}`,
    script: `set -eu\nurpmi.removemedia -- ${quoteWords([escapeFileName(name)])}\n`,
  };
}

function installPackages(names: string[]): GuestScript {
  return {
    title: names.length === 1 ? `install package ${names[0]}` : `install ${names.length} packages`,
    script: `${HEAD}
again urpm urpmi.update -a
urpm urpmi --auto -- ${quoteWords(names)}
`,
  };
}

function clean(kept: readonly string[]): GuestScript {
  return {
    title: 'remove what belongs to this machine and not to the image',
    script: `${cleanLinux(kept)}
rm -rf /var/cache/urpmi/* /var/cache/dnf/* /root/drakx
rm -f /var/lib/rpm/__db*
sync
`,
  };
}

export const URPMI: GuestTools = {
  packageManager: 'urpmi',
  addRepository,
  removeRepository,
  installPackages,
  listPackages: LIST_FEDORA_PACKAGES,
  listPackageDetails: LIST_RPM_DETAILS,
  cleanGuest: clean,
  cleanAtShutdown: cleanLinuxAtShutdown,
};
