import { PROFILES } from '../../os/index.js';
import type { OsProfile } from '../../os/types.js';
import { lastOf } from '../config.js';
import { ClientError } from '../errors.js';
import { jsonDocument, table } from '../output.js';
import type { Command } from './command.js';

export const plugins: Command = {
  usage: 'plugins',
  summary: 'show which operating systems can be built',
  options: { id: { type: 'string', requiresArg: true, describe: 'only this one' } },
  examples: [['$0 --output json plugins --id fedora', '']],
  run: async ({ io, settings, options }) => {
    const id = lastOf(options['id']) as string | undefined;
    const chosen = id === undefined ? [...PROFILES] : [profileNamed(id)];
    if (settings.output === 'json') {
      const [only] = chosen;
      const all = Object.fromEntries(chosen.map((profile) => [profile.family, description(profile)]));
      io.out(jsonDocument(id === undefined || only === undefined ? all : description(only)));
      return 0;
    }
    io.out(
      table(
        ['FAMILY', 'NAMES IN TEMPLATES', 'VERSIONS', 'ARCHITECTURES', 'INSTALLS FROM', 'INSTALL SCRIPT'],
        chosen.map(({ family, names, versions, arches, installTypes, scriptKind }) => [
          family,
          names.join(', '),
          versions,
          arches.join(', '),
          installTypes.join(', '),
          scriptKind,
        ]),
      ),
    );
    return 0;
  },
};

function profileNamed(id: string): OsProfile {
  const wanted = id.toLowerCase();
  const profile = PROFILES.find(({ family, names }) =>
    [family, ...names].some((name) => name.toLowerCase() === wanted),
  );
  if (profile !== undefined) return profile;
  throw new ClientError(`there is no plugin ${JSON.stringify(id)}`, {
    hint: `there are: ${PROFILES.map(({ family }) => family).join(', ')}`,
  });
}

/** What imagefactory's `.info` files said of an OS plugin, and what they could not say. */
function description(profile: OsProfile): Record<string, unknown> {
  const { family, names, versions, arches, installTypes, scriptKind } = profile;
  return {
    type: 'os',
    family,
    // name, version, architecture; null means any
    targets: names.flatMap((name) => arches.map((arch) => [name, null, arch])),
    versions,
    architectures: arches,
    install_types: installTypes,
    install_script: scriptKind,
    license: 'Apache-2.0',
  };
}
