import { formatReleaseRange, hasOldSsh } from '../../src/os/profile/releases.js';
import type { OsFamily, Release } from '../../src/os/profile/types.js';
import { FAMILIES } from '../../src/os/registry.js';
import { SCRIPT_KINDS } from '../../src/os/scripts/kinds/registry.js';
import { formatMarkdown, readFragment, renderTable } from './markdown.js';

const TRIED: Record<Release['verified'], string> = {
  installed: '**run for real**',
  'fake cloud': 'not run for real; fake cloud',
  'not yet': 'no',
};

/**
 * Builds the text of `docs/operating-systems.md`: a section for every family, and before and after them Markdown
 * fragments about the builds that were tried.
 */
export function systemsDoc(): Promise<string> {
  return formatMarkdown(
    [
      readFragment('systems-introduction.md').replace('OLD-SSH-LIST', oldSshList()),
      ...FAMILIES.map(sectionOf),
      readFragment('real-runs.md'),
      readFragment('package-install.md'),
    ].join('\n'),
  );
}

/** Lists the families in which some releases may have an OpenSSH older than 6.5, as text such as "Debian up to 7". */
function oldSshList(): string {
  const old = FAMILIES.filter((family) => {
    const oldest = family.readVersion({ name: family.names[0] ?? '', version: family.releases[0]?.from ?? '' });
    return oldest !== undefined && hasOldSsh(family, oldest);
  });
  return old.map(({ title, oldSshUpTo }) => `${title} up to ${oldSshUpTo}`).join(', ');
}

function sectionOf(family: OsFamily): string {
  const rows = family.releases.map((release) => rowOf(family, release));
  const notes = notesOf(family);
  return `## ${family.title}

Names: ${family.names.map((name) => `\`${name}\`${family.numberedNames === true ? `, \`${name}-<major>\`` : ''}`).join(', ')}. Versions: ${family.versions}.

${renderTable(['versions', 'architectures', 'from', 'install script', 'packages by', 'tried'], rows)}
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

/**
 * Lists the notes of the releases. Adds the reasons why some releases cannot be installed from an ISO or cannot be
 * built.
 */
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
