import type { BuildRecord } from '../domain/record.js';
import { findAddressPasswords, maskAddressPasswords } from '../os/passwords/address-passwords.js';
import { listEscapedForms } from '../os/passwords/escaped-forms.js';
import { findScriptPasswords } from '../os/passwords/script-passwords.js';
import { parseTemplate } from '../tdl/parse.js';

const MASK = '********';
/** Shorter secrets are not masked: such a word occurs in many places where it is no secret. */
const SHORTEST = 4;
/** The beginning of an element with a root password or a product key. */
const SECRET_ELEMENT = /<(rootpw|key)\b/g;
/** A valid template has one of each. Only the contents of the first elements are searched for in the whole text. */
const MOST_ELEMENTS = 10;

/** The members of a template that hold secrets, besides URLs. */
interface TemplateWithSecrets {
  os: { rootpw?: string; key?: string };
}

/**
 * Finds the secrets of a build: the root password and the product key of its template, the passwords in its script, and
 * those in URLs of either (`http://user:password@mirror/`).
 */
export function findSecrets(template: TemplateWithSecrets, installScript = ''): string[] {
  const { rootpw = '', key = '' } = template.os;
  return [
    ...new Set([rootpw, rootpw.trim(), key.trim()].filter((secret) => secret !== '')),
    ...findScriptPasswords(installScript),
    ...findAddressPasswords(installScript),
    ...listTexts(template).flatMap(findAddressPasswords),
  ];
}

/** Lists every text in a value, recursively. */
function listTexts(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(listTexts) : [];
}

/**
 * Masks every secret in a text, in every escaped form. Longer secrets come first, because they may contain shorter
 * ones.
 */
export function maskSecrets(text: string, secrets: string[]): string {
  return secrets
    .filter((secret) => secret.length >= SHORTEST)
    .flatMap(listEscapedForms)
    .sort((one, other) => other.length - one.length)
    .reduce((rest, secret) => rest.replaceAll(secret, MASK), text);
}

/** Finds the offsets of the contents of secret elements in a template's text. */
function findSecretContents(text: string): [from: number, to: number][] {
  const found: [number, number][] = [];
  // An element without an end is searched for once, not from each of its beginnings.
  const endless = new Set<string>();
  let behind = 0;
  for (const { 1: name = '', index } of text.matchAll(SECRET_ELEMENT)) {
    if (index < behind || endless.has(name)) continue;
    const from = text.indexOf('>', index) + 1;
    const end = new RegExp(`</${name}\\s*>`, 'g');
    end.lastIndex = from;
    const to = from === 0 ? undefined : end.exec(text)?.index;
    if (to === undefined) {
      endless.add(name);
      continue;
    }
    found.push([from, to]);
    behind = to;
  }
  return found;
}

function maskContents(text: string): string {
  let behind = 0;
  const parts = findSecretContents(text).map(([from, to]) => {
    const before = text.slice(behind, from);
    behind = to;
    return before + MASK;
  });
  return parts.join('') + text.slice(behind);
}

/**
 * Masks all secrets in the script, and passwords of URLs in the other parameters: resuming the build needs the rest of
 * them.
 */
function maskParameters(
  parameters: BuildRecord['parameters'],
  hidden: (text: string) => string,
): BuildRecord['parameters'] {
  return Object.fromEntries(
    Object.entries(parameters).map(([name, value]) => {
      if (typeof value !== 'string') return [name, value];
      return [name, name === 'install_script' ? hidden(value) : maskAddressPasswords(value)];
    }),
  );
}

/** Masks a record for storage and display: template and install script without their passwords. */
export function maskRecord(record: BuildRecord): BuildRecord {
  const { install_script: script, ...others } = record.parameters;
  // The parsed values, if the template is valid: the text may write a secret in one form, and a log in another.
  const { template = { os: {} } } = parseTemplate(record.template);
  const secrets = [
    ...findSecrets(template, typeof script === 'string' ? script : ''),
    ...findSecretContents(record.template)
      .slice(0, MOST_ELEMENTS)
      .map(([from, to]) => record.template.slice(from, to).trim()),
    ...findAddressPasswords(record.template),
    ...listTexts(others).flatMap(findAddressPasswords),
  ];
  const hidden = (text: string): string => maskSecrets(maskAddressPasswords(text), secrets);
  const { error } = record.status_detail;
  return {
    ...record,
    template: maskContents(hidden(record.template)),
    parameters: maskParameters(record.parameters, hidden),
    status_detail: { ...record.status_detail, error: error === null ? null : hidden(error) },
  };
}

/**
 * Finds the secrets that would enter Temporal unencrypted, and words a warning about them.
 *
 * @returns warnings for people; none when there is no password
 */
export function findReadableSecrets(template: TemplateWithSecrets | undefined, installScript = ''): string[] {
  const carriers = [
    ...((template?.os.rootpw ?? '') === '' ? [] : ['the template carries a root password (<rootpw>)']),
    ...((template?.os.key ?? '') === '' ? [] : ['the template carries a product key (<key>)']),
    ...(listTexts(template).flatMap(findAddressPasswords).length > 0
      ? ['the template carries a password in an address']
      : []),
    ...(findSecrets({ os: {} }, installScript).length > 0 ? ['the install script carries a password'] : []),
  ];
  if (carriers.length === 0) return [];
  return [
    `${carriers.join(', and ')}, and whoever may read the Temporal namespace can read it; ` +
      'payload keys would encrypt it (--payload-keys FILE, see `imagefactory codec --help`)',
  ];
}
