import type { Repository } from '../../../tdl/types.js';
import { RETRY, WAIT_FOR_LOCK, WAIT_FOR_CLOUD_INIT, quoteWords } from '../../guest/guest-scripts.js';
import type { GuestScript, GuestTools } from '../../guest/guest-tools.js';
import { APT_TOOLS } from '../debian/guest.js';

/** A personal package archive: `ppa:owner/name`. */
const PPA = /^ppa:[\w.+-]+\/[\w.+-]+$/;

const HEAD = `set -eu
${WAIT_FOR_LOCK}
${RETRY}
export DEBIAN_FRONTEND=noninteractive LC_ALL=C
${WAIT_FOR_CLOUD_INIT}`;

/**
 * Adds an archive with add-apt-repository, which also fetches the archive's key. The script installs this tool where it
 * is missing.
 */
function addArchive({ name, url }: Repository): GuestScript {
  return {
    title: `add repository ${name}`,
    script: `${HEAD}
if ! command -v add-apt-repository >/dev/null 2>&1; then
  again apt-get -y -q update
  patiently 'Could not get lock|Unable to (lock|acquire)' apt-get -y -q install software-properties-common
fi
again add-apt-repository --yes ${quoteWords([url.trim()])}
again apt-get -y -q update
`,
  };
}

function removeArchive({ name, url }: Repository): GuestScript {
  return {
    title: `remove repository ${name}`,
    script: `set -eu\nadd-apt-repository --yes --remove ${quoteWords([url.trim()])}\n`,
  };
}

/** The tools of Debian, with support for personal package archives. */
export const UBUNTU_APT: GuestTools = {
  ...APT_TOOLS,
  addRepository: (repository) =>
    PPA.test(repository.url.trim()) ? addArchive(repository) : APT_TOOLS.addRepository(repository),
  removeRepository: (repository) =>
    PPA.test(repository.url.trim()) ? removeArchive(repository) : APT_TOOLS.removeRepository(repository),
};
