import { FactoryError } from '../domain/errors.js';
import { findNearest, hintAtNames } from '../domain/nearest.js';
import { isThisMachine } from '../tdl/read-repositories.js';
import type { Template } from '../tdl/types.js';
import { isFrom, type Version } from './common/versions.js';
import { debian } from './families/debian/family.js';
import { ENTERPRISE_LINUX } from './families/enterprise-linux/family.js';
import { rhel21 } from './families/enterprise-linux/rhel21.js';
import { fedora, fedoraCore, redHatLinux } from './families/fedora/family.js';
import { freebsd } from './families/freebsd/family.js';
import { mageia } from './families/mageia/family.js';
import { mandrake, mandriva } from './families/mandriva/family.js';
import { opensuse, sles, tumbleweed } from './families/suse/family.js';
import { ubuntu } from './families/ubuntu/family.js';
import { windows } from './families/windows/family.js';
import { NO_TOOLS } from './guest/no-package-manager.js';
import { findRelease, type FoundRelease, hasOldSsh } from './profile/releases.js';
import type { OsFamily, OsProfile, Release } from './profile/types.js';

/** Every known family, including those that cannot be built. */
export const FAMILIES: readonly OsFamily[] = [
  debian,
  ubuntu,
  fedora,
  ...ENTERPRISE_LINUX,
  opensuse,
  tumbleweed,
  sles,
  mageia,
  freebsd,
  windows,
  fedoraCore,
  redHatLinux,
  mandriva,
  mandrake,
  rhel21,
];

/**
 * Finds the profile of a template's system, and warnings about the build.
 *
 * @throws FactoryError UnsupportedOs when no family has this name, version, architecture or type of `<install>`
 */
export function findProfile(template: Template): { profile: OsProfile; warnings: string[] } {
  const { os } = template;
  const family = findFamily(os.name);
  if (family === undefined) throw unknownNameError(os.name);
  const found = findRelease(family, os);
  if (found === undefined) throw unknownVersionError(family, os);
  const { version } = found;
  const release = family.chooseRelease?.(os, found) ?? found.release;
  checkInstallType(os, family, release);
  return { profile: createProfile(family, release, version), warnings: listWarnings(family, os, found) };
}

function createProfile(family: OsFamily, release: Release, version: Version): OsProfile {
  return {
    ...release.tools,
    family: family.family,
    release,
    version,
    ...(hasOldSsh(family, version) ? { oldSsh: true } : {}),
    ...(family.usualMemoryFrom === undefined || isFrom(version, family.usualMemoryFrom) ? {} : { smallMemory: true }),
    scriptKind: release.scriptKind,
    planInstaller: (of) => family.planInstaller(of, version),
  };
}

/**
 * Finds the profile of a system that is installed already. The tools of a system that we do not know can do nothing,
 * and list no packages.
 */
export function findSystemProfile({ os }: Template): OsProfile {
  const family = findFamily(os.name);
  const found = family && findRelease(family, os);
  if (family === undefined || found === undefined) return { ...UNKNOWN_SYSTEM };
  return createProfile(family, family.chooseRelease?.(os, found) ?? found.release, found.version);
}

const UNKNOWN_SYSTEM: OsProfile = {
  ...NO_TOOLS,
  family: 'unknown',
  release: {
    from: '0',
    to: '9999',
    arches: [],
    installTypes: [],
    scriptKind: 'kickstart',
    tools: NO_TOOLS,
    verified: 'not yet',
  },
  version: [],
  scriptKind: 'kickstart',
  planInstaller: ({ os }) => {
    throw unknownNameError(os.name);
  },
};

/** Finds the family that a template's name means: `CentOS`, `centos`, `CentOS-7`, `Rocky Linux`. */
export function findFamily(name: string): OsFamily | undefined {
  const wanted = name.toLowerCase().replaceAll(' ', '');
  const base = /^(.+?)-\d{1,2}$/.exec(wanted)?.[1];
  const named = (text: string, numbered: boolean): OsFamily | undefined =>
    FAMILIES.find(
      ({ names, numberedNames }) =>
        (!numbered || numberedNames === true) && names.some((known) => known.toLowerCase() === text),
    );
  return named(wanted, false) ?? (base === undefined ? undefined : named(base, true));
}

/** Rejects an architecture that the system was never published for, and a type of `<install>` that is not possible. */
function checkInstallType(os: Template['os'], family: OsFamily, release: Release): void {
  const { arches, installTypes, reason } = release;
  const { type } = os.install;
  if (installTypes.length === 0) {
    throw new FactoryError('UnsupportedOs', `${os.name} ${os.version} cannot be built: ${reason}`, {
      hint: 'docs/operating-systems.md lists the systems that can be built',
    });
  }
  if (!arches.includes(os.arch)) {
    throw new FactoryError('UnsupportedOs', `${family.title} ${os.version} was not published for ${os.arch}`, {
      hint: `its architectures are ${arches.join(', ')}`,
    });
  }
  if (!installTypes.includes(type)) {
    throw new FactoryError(
      'UnsupportedOs',
      `${os.name} cannot be installed from an ${type === 'url' ? 'install tree' : 'ISO'}: ${reason}`,
      {
        hint:
          type === 'url'
            ? "write <install type='iso'><iso>…</iso></install> with the address of its medium"
            : "write <install type='url'><url>…</url></install> with the address of its install tree",
      },
    );
  }
}

/** Lists the first name of every family that can be built. */
function listBuildableNames(): string[] {
  return FAMILIES.filter(({ releases }) => releases.some(({ installTypes }) => installTypes.length > 0)).flatMap(
    ({ names }) => names.slice(0, 1),
  );
}

function unknownNameError(name: string): FactoryError {
  const all = FAMILIES.flatMap(({ names }) => names);
  // For the suggestion, a version at the end of the name is ignored: "Ubuntu24".
  const meant = findNearest(name, all) ?? findNearest(name.replace(/[\s_-]*\d[\d.]*$/, ''), all);
  return new FactoryError('UnsupportedOs', `the operating system ${JSON.stringify(name)} is not known`, {
    hint: hintAtNames(meant, 'the known names are', listBuildableNames()),
  });
}

function unknownVersionError(family: OsFamily, os: Template['os']): FactoryError {
  const codes = family.codeNames ?? {};
  const code = os.version.toLowerCase();
  const number = Object.hasOwn(codes, code) ? codes[code] : undefined;
  // The version may be the name of another family: in "openSUSE Tumbleweed", Tumbleweed is a family of its own.
  const own = findFamily(os.version)?.names[0];
  const hint = number === undefined ? `write a version from ${family.versions}` : `write <version>${number}</version>`;
  return new FactoryError(
    'UnsupportedOs',
    `${os.name} ${JSON.stringify(os.version)} is not a version that can be built`,
    { hint: own === undefined ? hint : `write <name>${own}</name>` },
  );
}

function listWarnings({ versions }: OsFamily, os: Template['os'], { newer }: FoundRelease): string[] {
  const warnings: string[] = [];
  if (newer) {
    // Rawhide has no version number, so the text does not say that it is newer.
    const is = /\d/.test(os.name + os.version)
      ? `is newer than the known versions (${versions}): it is built like the newest known version before it`
      : `changes from day to day: it is built like the newest known version (${versions})`;
    warnings.push(`${os.name} ${os.version} ${is}`);
  }
  const doubt = warnAboutTree(os);
  return doubt === undefined ? warnings : [...warnings, doubt];
}

/** Warns about an install tree that the installer may not reach. */
function warnAboutTree(os: Template['os']): string | undefined {
  if (os.install.type !== 'url') return undefined;
  const { url } = os.install;
  const host = URL.canParse(url) ? new URL(url).hostname : '';
  if (isThisMachine(host))
    return `the install tree is on ${host}: the worker may reach this host, but the installer on the instance cannot`;
  return undefined;
}
