import { formatReleaseRange, hasOldSsh } from '../../src/os/profile/releases.js';
import type { OsFamily, Release } from '../../src/os/profile/types.js';
import { FAMILIES } from '../../src/os/registry.js';
import { SCRIPT_KINDS } from '../../src/os/scripts/kinds/registry.js';
import { tableOf } from './markdown-table.js';
import { PACKAGE_INSTALL_DOC } from './package-install-doc.js';
import { REAL_RUNS } from './real-runs-doc.js';

const TRIED: Record<Release['verified'], string> = {
  installed: '**run for real**',
  'fake cloud': 'not run for real; fake cloud',
  'not yet': 'no',
};

/** `docs/operating-systems.md`. */
export function systemsDoc(): string {
  return `${INTRODUCTION}
${FAMILIES.map(sectionOf).join('\n')}
${REAL_RUNS}
${PACKAGE_INSTALL_DOC}`;
}

/** "Debian up to 7, …": the families of which a release is known that may have an old OpenSSH. */
function oldSshList(): string {
  const old = FAMILIES.filter((family) => {
    const oldest = family.readVersion({ name: family.names[0] ?? '', version: family.releases[0]?.from ?? '' });
    return oldest !== undefined && hasOldSsh(family, oldest);
  });
  return old.map(({ title, oldSshUpTo }) => `${title} up to ${oldSshUpTo}`).join(', ');
}

const INTRODUCTION = `# Operating systems

What can be built, by what a template says in \`<os>\`. This file is generated from \`src/os/\` (\`npm run docs\`); \`imagefactory plugins\` prints
the same.

- **Names** are compared without case. Where the release is part of the name, as in Oz's \`RHEL-6\`, \`<version>\` is the update; \`Rocky\` with
  version \`9.4\` means the same as \`Rocky-9\` with version \`4\`.
- **A version that is newer** than the newest one here is built like it, with a warning. An older or unknown one is refused with those that can be
  built.
- **From** says what \`<install type>\` may be. \`url\` is an install tree: kernel and ramdisk are looked for where the tree's index says (\`.treeinfo\`,
  \`SHA256SUMS\`, \`CHECKSUMS\`, \`content\`), then in the known places. \`iso\` is the install medium, which reaches the instance as a volume in a CD-ROM drive: the
  cloud needs block storage (Cinder) for it.
- **Tried:** _run for real_ means that the system's own installer was run to its end on an OpenStack, by this project's tests. Nothing else was run for
  real: _fake cloud_ means a whole build on the project's fake cloud, whose guests stand in for the system, and that addresses, command line, script check and
  guest commands are held by tests; _no_ that only the refusal is.
- **Started** (parameter \`boot_method\`) by kernel, ramdisk and command line that Nova gives it (\`direct\`), by a small disk of ours with a boot loader (\`stub\`), or
  from its medium (\`iso\`). The **script** (\`script_transport\`) comes as user data, on the configuration drive, in the ramdisk, or on the medium. The **root disk**
  (\`root_disk\`) is the hypervisor's or a volume.
- **OpenSSH older than 6.5** (January 2014) knows no ed25519 keys, and the oldest only SHA-1 key exchanges and CBC ciphers. Builds of ${oldSshList()}
  have RSA keys, and may fall back to these; all others have ed25519 and nothing of the kind.
- **\`<kernelparam>\`** is added to the installer's command line everywhere but in Windows, which has none.
- **Windows** was not run for real: there are no media of it here. What is said to Windows Setup, OpenSSH for Windows, PowerShell, sysprep and
  Chocolatey goes by their makers' documents; tests hold the plan, the answer file and the
  scripts' texts, and whole builds of every release on the fake cloud, whose guest knows those scripts and no others. Its medium is started as it is; the answer file and the \`<extras>\` are on a small medium beside it, the
  drivers of virtio-win (parameter \`drivers_iso\`) on a third. A stock script needs \`<rootpw>\`, which is Administrator's password, and takes
  OpenSSH from an \`<extras>\` file \`/OpenSSH-Win64….msi\`, else from Windows Update. Media must be in English. While Setup is at work the
  console says little: where the cloud shows no diagnostics, write a longer \`inactivity_timeout\`.
`;

function sectionOf(family: OsFamily): string {
  const rows = family.releases.map((release) => rowOf(family, release));
  const notes = notesOf(family);
  return `## ${family.title}

Names: ${family.names.map((name) => `\`${name}\`${family.numberedNames === true ? `, \`${name}-<major>\`` : ''}`).join(', ')}. Versions: ${family.versions}.

${tableOf(['versions', 'architectures', 'from', 'install script', 'packages by', 'tried'], rows)}
${notes.length === 0 ? '' : `\n${notes.map((note) => `- ${note}`).join('\n')}\n`}`;
}

function rowOf(family: OsFamily, release: Release): string[] {
  const { arches, installTypes, scriptKind, tools, verified: tried } = release;
  return [
    formatReleaseRange(family, release),
    arches.join(', '),
    installTypes.length === 0 ? '–' : installTypes.join(', '),
    SCRIPT_KINDS[scriptKind].title,
    tools.packageManager === 'none' ? '–' : tools.packageManager,
    TRIED[tried],
  ];
}

/** What is said of some releases, and why something cannot be installed. */
function notesOf(family: OsFamily): string[] {
  const notes = family.releases.flatMap((release) =>
    release.note === undefined ? [] : [`${formatReleaseRange(family, release)}: ${release.note}.`],
  );
  const refused = family.releases.filter(({ installTypes }) => !installTypes.includes('iso'));
  const reasons = new Map<string, string[]>();
  for (const release of refused) {
    const { installTypes, reason = '' } = release;
    const what = installTypes.length === 0 ? 'cannot be built' : 'ISO';
    const key = `${what}: ${reason}.`;
    reasons.set(key, [...(reasons.get(key) ?? []), formatReleaseRange(family, release)]);
  }
  return [
    ...notes,
    ...[...reasons].map(([reason, versions]) =>
      versions.length === family.releases.length ? capital(reason) : `${versions.join(', ')}: ${reason}`,
    ),
  ];
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
