import type { BuildRecord } from '../domain/record.js';
import { findAddressPasswords, maskAddressPasswords } from '../os/passwords/address-passwords.js';
import { listEscapedForms } from '../os/passwords/escaped-forms.js';
import { findScriptPasswords } from '../os/passwords/script-passwords.js';
import { parseTemplate } from '../tdl/parse.js';

const MASK = '********';
/**
 * Minimum length, in characters, of a secret that we mask. A shorter text also occurs in many places where it is not a
 * secret.
 */
const SHORTEST = 4;
/** The beginning of an element with a root password or a product key. */
const SECRET_ELEMENT = /<(rootpw|key)\b/g;
/**
 * Maximum number of secret elements whose contents we search for in the whole text. A valid template has at most one of
 * each.
 */
const MOST_ELEMENTS = 10;

/** The members of a template that hold secrets, besides URLs. */
interface TemplateWithSecrets {
  os: { rootpw?: string; key?: string };
}

/**
 * Finds the secrets of a build: the root password and the product key in its template, the passwords in its install
 * script, and the passwords in URLs of both (`http://user:password@mirror/`).
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
 * Masks the secrets in a text, in every escaped form. Masks longer secrets first, because they may contain shorter
 * ones.
 */
export function maskSecrets(text: string, secrets: string[]): string {
  return secrets
    .filter((secret) => secret.length >= SHORTEST)
    .flatMap(listEscapedForms)
    .sort((one, other) => other.length - one.length)
    .reduce((rest, secret) => rest.replaceAll(secret, MASK), text);
}

/** Finds the contents of secret elements in a template's text, and returns their offsets. */
function findSecretContents(text: string): [from: number, to: number][] {
  const found: [number, number][] = [];
  // Names of elements whose end tag is missing. We search for a missing end tag only once, not again for each start
  // tag.
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
 * Masks all secrets in parameter `install_script`. In the other parameters, masks only passwords of URLs, because
 * resuming the build needs the rest of the values.
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

/** Masks the secrets in a record, for storage and display: in its template, its parameters and its error. */
export function maskRecord(record: BuildRecord): BuildRecord {
  const { install_script: script, ...others } = record.parameters;
  // If the template is valid, search for its parsed values too: the template's text may write a secret in one form, and
  // a log in another.
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
 * Warns about the secrets that Temporal would store unencrypted.
 *
 * @returns one warning for the user; an empty list when there are no secrets
 */
export function findReadableSecrets(template: TemplateWithSecrets | undefined, installScript = ''): string[] {
  const carriers = [
    ...((template?.os.rootpw ?? '') === '' ? [] : ['the template carries a root password (<rootpw>)']),
    ...((template?.os.key ?? '') === '' ? [] : ['the template carries a product key (<key>)']),
    ...(listTexts(template).flatMap(findAddressPasswords).length > 0
      ? ['the template carries a password in a URL']
      : []),
    ...(findSecrets({ os: {} }, installScript).length > 0 ? ['the install script carries a password'] : []),
  ];
  if (carriers.length === 0) return [];
  return [
    `${carriers.join(', and ')}, and every user who may read the Temporal namespace can read this; ` +
      'to encrypt it, give payload keys (--payload-keys FILE, see `imagefactory codec --help`)',
  ];
}
