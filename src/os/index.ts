import { FactoryError } from '../build/errors.js';
import { nearest } from '../tdl/nearest.js';
import { isThisMachine } from '../tdl/read-repositories.js';
import type { Template } from '../tdl/types.js';
import { debian } from './debian.js';
import { fedora } from './fedora.js';
import type { OsProfile } from './types.js';

/** Every system that can be built. */
export const PROFILES: readonly OsProfile[] = [debian, fedora];

/** The names that TDL documents give systems which others know by another. */
const VERSION_NAMES: Record<string, string> = {
  lenny: '5',
  squeeze: '6',
  wheezy: '7',
  jessie: '8',
  stretch: '9',
  buster: '10',
  bullseye: '11',
  bookworm: '12',
  trixie: '13',
};

/**
 * The profile of a template's system, and what should be known before it is built.
 *
 * @throws FactoryError UnsupportedOs: no profile has that name, version, architecture or way to install
 */
export function profileFor(template: Template): { profile: OsProfile; warnings: string[] } {
  const { os } = template;
  const profile = PROFILES.find(({ names }) => names.some((name) => name.toLowerCase() === os.name.toLowerCase()));
  if (profile === undefined) throw unknownName(os.name);
  if (!profile.accepts(os.version)) throw unknownVersion(profile, os);
  if (!profile.arches.includes(os.arch)) {
    throw new FactoryError('UnsupportedOs', `${os.name} cannot be built for ${os.arch}`, {
      hint: `its architectures are ${profile.arches.join(', ')}`,
    });
  }
  if (!profile.installTypes.includes(os.install.type)) {
    throw new FactoryError(
      'UnsupportedOs',
      `${os.name} cannot be installed from an ${os.install.type.toUpperCase()} here`,
      {
        hint: "write <install type='url'><url>…</url></install> with the address of its install tree",
      },
    );
  }
  return { profile, warnings: warningsOf(profile, os) };
}

function unknownName(name: string): FactoryError {
  const known = PROFILES.flatMap(({ names }) => names);
  const meant = nearest(name, known);
  return new FactoryError('UnsupportedOs', `the operating system ${JSON.stringify(name)} is not known`, {
    hint:
      meant === undefined
        ? `the known ones are ${known.join(', ')}`
        : `is ${meant} meant? The known ones are ${known.join(', ')}`,
  });
}

function unknownVersion(profile: OsProfile, os: Template['os']): FactoryError {
  const code = os.version.toLowerCase();
  const number = profile.family === 'debian' && Object.hasOwn(VERSION_NAMES, code) ? VERSION_NAMES[code] : undefined;
  return new FactoryError(
    'UnsupportedOs',
    `${os.name} ${JSON.stringify(os.version)} is not a version that can be built`,
    {
      hint: number === undefined ? `write a version from ${profile.versions}` : `write <version>${number}</version>`,
    },
  );
}

function warningsOf(profile: OsProfile, os: Template['os']): string[] {
  const warnings: string[] = [];
  if (profile.isNewer(os.version)) {
    warnings.push(
      `${os.name} ${os.version} is newer than what is known here (${profile.versions}): it is built like the newest of these`,
    );
  }
  const host = os.install.type === 'url' && URL.canParse(os.install.url) ? new URL(os.install.url).hostname : '';
  if (isThisMachine(host)) {
    warnings.push(
      `the install tree is on ${host}: the worker may reach it there, the installer on its instance cannot`,
    );
  }
  return warnings;
}
