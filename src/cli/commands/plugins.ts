import { findFamily, FAMILIES } from '../../os/registry.js';
import type { OsFamily, Release } from '../../os/profile/types.js';
import { formatReleaseRange } from '../../os/profile/releases.js';
import { findNearest } from '../../tdl/nearest.js';
import { lastValue } from '../config.js';
import { ClientError } from '../../client/errors.js';
import { jsonDocument, table } from '../output.js';
import type { Command } from './command.js';

export const plugins: Command = {
  usage: 'plugins',
  summary: 'show which operating systems can be built',
  options: { id: { type: 'string', requiresArg: true, describe: 'only this one' } },
  examples: [['$0 --output json plugins --id fedora', '']],
  run: async ({ io, settings, options }) => {
    const id = lastValue(options['id']) as string | undefined;
    const chosen = id === undefined ? FAMILIES : [named(id)];
    if (settings.output === 'json') {
      const [only] = chosen;
      const all = Object.fromEntries(chosen.map((family) => [family.family, description(family)]));
      io.out(jsonDocument(id === undefined || only === undefined ? all : description(only)));
      return 0;
    }
    const rows = chosen.flatMap((family) => family.releases.map((release) => row(family, release)));
    io.out(
      table(['SYSTEM', 'VERSIONS', 'ARCHITECTURES', 'INSTALLS FROM', 'INSTALL SCRIPT', 'PACKAGES BY', 'TRIED'], rows),
    );
    if (id !== undefined) for (const line of describeFamily(named(id))) io.out(`${line}\n`);
    return 0;
  },
};

function row(family: OsFamily, release: Release): string[] {
  const { arches, installTypes, scriptKind, tools, verified: tried } = release;
  return [
    family.names[0] ?? family.family,
    formatReleaseRange(family, release),
    arches.join(', '),
    installTypes.length === 0 ? 'nothing yet' : installTypes.join(', '),
    scriptKind,
    tools.packageManager,
    tried,
  ];
}

/** What the table has no room for. */
function describeFamily({ names, versions, releases }: OsFamily): string[] {
  const reasons = new Set(releases.flatMap(({ reason }) => (reason === undefined ? [] : [reason])));
  return [
    `names in templates: ${names.join(', ')}`,
    `versions in templates: ${versions}`,
    ...[...reasons].map((reason) => `not everything can be built: ${reason}`),
  ];
}

function named(id: string): OsFamily {
  const found = FAMILIES.find(({ family }) => family === id.toLowerCase()) ?? findFamily(id);
  if (found !== undefined) return found;
  const known = FAMILIES.map(({ family }) => family);
  const meant = findNearest(id, [...known, ...FAMILIES.flatMap(({ names }) => names)]);
  throw new ClientError(`there is no plugin ${JSON.stringify(id)}`, {
    hint: `${meant === undefined ? '' : `is ${meant} meant? `}there are: ${known.join(', ')}`,
  });
}

/** What imagefactory's `.info` files said of an OS plugin, and what they could not say. */
function description(family: OsFamily): Record<string, unknown> {
  const { names, versions, releases } = family;
  const all = <T>(of: (release: Release) => readonly T[]): T[] => [...new Set(releases.flatMap(of))];
  const arches = all((release) => release.arches);
  return {
    type: 'os',
    family: family.family,
    title: family.title,
    // name, version, architecture; null means any
    targets: names.flatMap((name) => arches.map((arch) => [name, null, arch])),
    versions,
    architectures: arches,
    install_types: all((release) => release.installTypes),
    install_script: all((release) => [release.scriptKind]),
    releases: releases.map(({ from, to, arches, installTypes, scriptKind, tools, verified: tried, reason, note }) => ({
      from,
      to,
      architectures: arches,
      install_types: installTypes,
      install_script: scriptKind,
      package_manager: tools.packageManager,
      tried,
      ...(reason === undefined ? {} : { reason }),
      ...(note === undefined ? {} : { note }),
    })),
    license: 'Apache-2.0',
  };
}
