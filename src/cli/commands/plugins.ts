import {
  findOperatingSystem,
  listOperatingSystems,
  type OperatingSystem,
  type SupportedRelease,
} from '../../client/index.js';
import { lastValue } from '../config.js';
import { formatDocument, type ResultDocument } from '../documents.js';
import { formatTable } from '../output.js';
import type { Command } from './command.js';

const COLUMNS = ['SYSTEM', 'VERSIONS', 'ARCHITECTURES', 'INSTALLS FROM', 'INSTALL SCRIPT', 'PACKAGES BY', 'TRIED'];

export const plugins: Command = {
  usage: 'plugins',
  summary: 'show which operating systems can be built',
  options: { id: { type: 'string', requiresArg: true, describe: 'show only this operating system' } },
  examples: [['$0 --output json plugins --id fedora', '']],
  run: async ({ io, settings, options }) => {
    const id = lastValue(options['id']) as string | undefined;
    const only = id === undefined ? undefined : findOperatingSystem(id);
    const chosen = only === undefined ? listOperatingSystems() : [only];
    if (settings.output === 'json') {
      io.out(formatDocument('plugins', { plugins: chosen.map(toPlugin) }));
      return 0;
    }
    const rows = chosen.flatMap((system) => system.releases.map((release) => formatRow(system, release)));
    io.out(formatTable(COLUMNS, rows));
    if (only !== undefined) for (const line of formatNames(only)) io.out(`${line}\n`);
    return 0;
  },
};

function formatRow(system: OperatingSystem, release: SupportedRelease): string[] {
  const { range, arches, installTypes, scriptKind, packageManager, verified } = release;
  return [
    system.names[0] ?? system.family,
    range,
    arches.join(', '),
    installTypes.length === 0 ? 'nothing yet' : installTypes.join(', '),
    scriptKind,
    packageManager,
    verified,
  ];
}

/** Formats the lines below the table of one operating system. */
function formatNames({ names, versions, releases }: OperatingSystem): string[] {
  const reasons = new Set(releases.flatMap(({ reason }) => (reason === undefined ? [] : [reason])));
  return [
    `names in templates: ${names.join(', ')}`,
    `versions in templates: ${versions}`,
    ...[...reasons].map((reason) => `not everything can be built: ${reason}`),
  ];
}

type Plugin = ResultDocument<'plugins'>['plugins'][number];

/** Makes the fields of an OS plugin's `.info` file in the original imagefactory, and more fields. */
function toPlugin({ family, title, names, versions, releases }: OperatingSystem): Plugin {
  const collect = <T>(read: (release: SupportedRelease) => readonly T[]): T[] => [...new Set(releases.flatMap(read))];
  const arches = collect((release) => release.arches);
  return {
    type: 'os',
    family,
    title,
    // Each target is [name, version, architecture]; a version of null means any version.
    targets: names.flatMap((name) => arches.map((arch): Plugin['targets'][number] => [name, null, arch])),
    versions,
    architectures: arches,
    install_types: collect((release) => release.installTypes),
    install_script: collect((release) => [release.scriptKind]),
    releases: releases.map(
      ({ from, to, arches, installTypes, scriptKind, packageManager, verified, reason, note }) => ({
        from,
        to,
        architectures: [...arches],
        install_types: [...installTypes],
        install_script: scriptKind,
        package_manager: packageManager,
        tried: verified,
        ...(reason === undefined ? {} : { reason }),
        ...(note === undefined ? {} : { note }),
      }),
    ),
    license: 'Apache-2.0',
  };
}
