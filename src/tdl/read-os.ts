import { isLocalFileUrl } from '../domain/file-url.js';
import {
  findChild,
  findChildren,
  checkShape,
  readOptionalText,
  refuseControls,
  readRequiredAttribute,
  readRequiredChild,
  readRequiredText,
} from './elements.js';
import { LIMITS } from './limits.js';
import { findNearest } from '../domain/nearest.js';
import type { Problems } from './place.js';
import type { Extra, Install, Template } from './types.js';
import type { XmlElement } from './xml.js';

const ARCHES = ['i386', 'x86_64', 'ppc64', 'ppc64le', 'aarch64', 'armv7l', 's390x'] as const;

/** Names that other systems use for an architecture, each with the name in TDL. */
const ARCH_SYNONYMS: Record<string, (typeof ARCHES)[number]> = {
  amd64: 'x86_64',
  'x86-64': 'x86_64',
  x64: 'x86_64',
  i486: 'i386',
  i586: 'i386',
  i686: 'i386',
  x86: 'i386',
  arm64: 'aarch64',
  arm: 'armv7l',
  armhf: 'armv7l',
  armhfp: 'armv7l',
  armv7hl: 'armv7l',
  ppc64el: 'ppc64le',
  s390: 's390x',
};

const CHECKSUMS = { md5sum: 'md5', sha1sum: 'sha1', sha256sum: 'sha256' } as const;

/** The URL schemes of extra content. Oz does not accept https; we do. */
const EXTRA_SCHEMES = { file: ['file:', 'ftp:', 'http:', 'https:'], directory: ['file:', 'ftp:'] };

/** Reads `<os>`: the system that is to be installed, and the source of the installation. */
export function readOs(os: XmlElement, problems: Problems): Template['os'] {
  checkShape(
    os,
    { children: ['name', 'version', 'arch', 'install', 'rootpw', 'key', 'kernelparam', 'icicle'] },
    problems,
  );
  const name = readText(os, 'name', problems, '<name>Debian</name>');
  const version = readText(os, 'version', problems, '<version>12</version>');
  const arch = readArch(os, problems);
  const install = readRequiredChild(os, 'install', problems, "<install type='url'><url>…</url></install>");
  for (const leaf of ['rootpw', 'key', 'kernelparam'])
    findChildren(os, leaf).forEach((child) => checkShape(child, {}, problems));
  for (const leaf of ['rootpw', 'key']) findChildren(os, leaf).forEach((child) => checkSecretLength(child, problems));
  const rootpw = findChild(os, 'rootpw')?.text;
  const key = readOptionalText(os, 'key');
  const kernelparam = readOptionalText(os, 'kernelparam')?.replace(/\s+/g, ' ');
  const icicleExtraCommand = readIcicleCommand(os, problems);
  return {
    name,
    version,
    arch,
    install: install === undefined ? { type: 'url', url: '', extras: [] } : readInstall(install, problems),
    ...(rootpw === undefined || rootpw === '' ? {} : { rootpw }),
    ...(key === undefined ? {} : { key }),
    ...(kernelparam === undefined ? {} : { kernelparam }),
    ...(icicleExtraCommand === undefined ? {} : { icicleExtraCommand }),
  };
}

function checkSecretLength({ name, at, text }: XmlElement, problems: Problems): void {
  if (text.length <= LIMITS.secretLength) return;
  problems.add(at, `<${name}> has ${text.length} characters, but at most ${LIMITS.secretLength} are allowed`);
}

function readText(os: XmlElement, name: string, problems: Problems, example: string): string {
  const child = readRequiredChild(os, name, problems, example);
  if (child === undefined) return '';
  checkShape(child, {}, problems);
  const text = readRequiredText(child, problems, example);
  refuseControls(text, child.at, `<${name}>`, problems);
  return text;
}

function readArch(os: XmlElement, problems: Problems): Template['os']['arch'] {
  const text = readText(os, 'arch', problems, '<arch>x86_64</arch>');
  const known = ARCHES.find((arch) => arch === text);
  if (known !== undefined || text === '') return known ?? 'x86_64';
  const synonym = text.toLowerCase();
  const meant = Object.hasOwn(ARCH_SYNONYMS, synonym) ? ARCH_SYNONYMS[synonym] : findNearest(text, ARCHES);
  const advice = meant === undefined ? `write one of ${ARCHES.join(', ')}` : `write ${meant}`;
  problems.add(findChild(os, 'arch')?.at ?? os.at, `${JSON.stringify(text)} is not an architecture of TDL: ${advice}`);
  return 'x86_64';
}

function readIcicleCommand(os: XmlElement, problems: Problems): string | undefined {
  const icicle = findChild(os, 'icicle');
  if (icicle === undefined) return undefined;
  checkShape(icicle, { children: ['extra_command'] }, problems);
  const example = '<extra_command>…</extra_command>, a command that prints one line per package';
  const command = readRequiredChild(icicle, 'extra_command', problems, example);
  if (command === undefined) return undefined;
  checkShape(command, {}, problems);
  return readOptionalText(icicle, 'extra_command');
}

function readInstall(install: XmlElement, problems: Problems): Install {
  const type = readRequiredAttribute(install, 'type', problems, "type='url' (an install tree) or type='iso'").trim();
  if (type === 'iso') return readIso(install, problems);
  if (type !== 'url' && type !== '') {
    const at = install.attributes.get('type')?.at ?? install.at;
    problems.add(
      at,
      `${JSON.stringify(type)} is not a type of installation: write type='url' (an install tree) or type='iso'`,
    );
    return { type: 'url', url: '', extras: [] };
  }
  checkShape(install, { attributes: ['type'], children: ['url', 'extras'] }, problems);
  const example = '<url>http://…</url>, the address of the install tree';
  const element = readRequiredChild(install, 'url', problems, example);
  if (element !== undefined) checkShape(element, {}, problems);
  const extras = findChild(install, 'extras');
  if (extras !== undefined) {
    problems.add(extras.at, "<extras> need an installation medium: use <install type='iso'>, or remove <extras>");
  }
  // We accept any URL here. The build checks the scheme, because the allowed schemes depend on the installer.
  return { type: 'url', url: readRequiredText(element, problems, example), extras: [] };
}

/**
 * The URL schemes of an installation medium and of its checksum file. A medium may also be an image in the cloud:
 * `glance:NAME`.
 */
const MEDIUM_SCHEMES = ['http:', 'https:', 'ftp:', 'file:'];
const IN_GLANCE = 'glance:';

function readIso(install: XmlElement, problems: Problems): Install {
  const sums = Object.keys(CHECKSUMS) as (keyof typeof CHECKSUMS)[];
  checkShape(install, { attributes: ['type'], children: ['iso', ...sums, 'extras'] }, problems);
  const example = '<iso>http://…</iso>, the address of the installation medium';
  const element = readRequiredChild(install, 'iso', problems, example);
  if (element !== undefined) checkShape(element, {}, problems);
  const given = install.children.filter(({ name }) => (sums as string[]).includes(name));
  for (const sum of given) checkShape(sum, {}, problems);
  for (const second of given.slice(1)) {
    problems.add(second.at, `<install> may contain at most one of ${sums.join(', ')}: remove <${second.name}>`);
  }
  const sum = given.find(({ text }) => text.trim() !== '');
  const extras = findChild(install, 'extras');
  if (extras !== undefined && install.children.at(-1) !== extras)
    problems.add(extras.at, '<extras> must come last in <install>: move it down');
  return {
    type: 'iso',
    iso: readAddress(element, [...MEDIUM_SCHEMES, IN_GLANCE], problems, example),
    ...(sum === undefined
      ? {}
      : {
          checksum: {
            algorithm: CHECKSUMS[sum.name as keyof typeof CHECKSUMS],
            url: readAddress(
              sum,
              MEDIUM_SCHEMES,
              problems,
              `the address of a checksum file in <${sum.name}>, not the digest itself`,
            ),
          },
        }),
    extras: extras === undefined ? [] : readExtras(extras, problems),
  };
}

function readAddress(element: XmlElement | undefined, schemes: string[], problems: Problems, example: string): string {
  const text = readRequiredText(element, problems, example);
  if (text === '' || element === undefined) return text;
  const protocol = URL.canParse(text) ? new URL(text).protocol : undefined;
  if (protocol === undefined || !schemes.includes(protocol)) {
    const known = schemes.map((scheme) => (scheme === IN_GLANCE ? `${scheme}NAME` : `${scheme}//`)).join(', ');
    problems.add(element.at, `<${element.name}> is not an address that can be fetched (${known}): write ${example}`);
  } else {
    refuseRelativeFile(text, protocol, element.at, problems);
  }
  return text;
}

/**
 * Reports a mistake when a `file:` URL has a relative path. Such a path has no meaning, because a worker has no folder
 * of its own.
 */
function refuseRelativeFile(url: string, protocol: string, at: number, problems: Problems): void {
  if (protocol !== 'file:' || isLocalFileUrl(url)) return;
  problems.add(at, `${url} is not an absolute path on the worker's machine: write file:///DIR/FILE`);
}

/**
 * Reads the extras. Directories come before files, whatever their order in the template, so that a file can replace a
 * file from a directory.
 */
function readExtras(extras: XmlElement, problems: Problems): Extra[] {
  checkShape(extras, { repeated: ['directory', 'file'] }, problems);
  const example = "<file source='http://…' destination='/…'/>";
  if (extras.children.length === 0) problems.add(extras.at, `<extras> is empty: write ${example}, or remove it`);
  return (['directory', 'file'] as const).flatMap((kind) =>
    findChildren(extras, kind).map((element) => {
      checkShape(element, { attributes: ['source', 'destination'] }, problems);
      if (element.text.trim() !== '')
        problems.add(element.at, `<${kind}> contains text, but its content comes from its source: remove the text`);
      const source = readRequiredAttribute(element, 'source', problems, example).trim();
      const destination = readRequiredAttribute(element, 'destination', problems, example).trim();
      const protocol = URL.canParse(source) ? new URL(source).protocol : '';
      if (source !== '' && !EXTRA_SCHEMES[kind].includes(protocol)) {
        const known = EXTRA_SCHEMES[kind].map((scheme) => `${scheme}//`).join(', ');
        problems.add(
          element.attributes.get('source')?.at ?? element.at,
          `the source of a ${kind} must begin with one of ${known}`,
        );
      } else {
        refuseRelativeFile(source, protocol, element.attributes.get('source')?.at ?? element.at, problems);
      }
      return { kind, source, destination };
    }),
  );
}
