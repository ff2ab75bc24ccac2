import { FactoryError } from '../domain/errors.js';
import { MASK } from '../domain/mask.js';
import type { BuildRecord } from '../domain/record.js';
import { findAddressPasswords, maskAddressPasswords } from '../os/passwords/address-passwords.js';
import { findPasswordsInCommands, findScriptPasswords } from '../os/passwords/script-passwords.js';
import { parseTemplate } from '../tdl/parse.js';
import { createBlindMasker, createMasker, type Masker } from './masker.js';

/**
 * Limits of a build's secrets, so that the search for secrets needs little memory and time. Real builds stay far below
 * these limits: a password of crypt(3) has at most 512 characters, and its hash has about 130. A token may be longer
 * than both.
 */
export const SECRET_LIMITS = {
  /** Maximum number of different secrets of a build. */
  number: 500,
  /** Maximum length of a secret, in characters. */
  length: 4096,
  /** Maximum length of all different secrets together, in characters. */
  characters: 65_536,
} as const;
/** The parameters that are documents of their own, with commands and files. */
const SECRET_PARAMETERS: readonly string[] = ['install_script', 'target_content'];
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
 * script, and the passwords in commands and URLs of both (`http://user:password@mirror/`).
 */
export function findSecrets(template: TemplateWithSecrets, installScript = ''): string[] {
  const { rootpw = '', key = '' } = template.os;
  const found = [
    ...[rootpw, rootpw.trim(), key.trim()].filter((secret) => secret !== ''),
    ...findScriptPasswords(installScript),
    ...findAddressPasswords(installScript),
    ...listTexts(template).flatMap((text) => [...findAddressPasswords(text), ...findPasswordsInCommands(text)]),
  ];
  return [...new Set(found)];
}

/** Lists every text in a value, recursively. */
function listTexts(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(listTexts) : [];
}

/**
 * Describes the limit of {@link SECRET_LIMITS} that the secrets exceed. Returns undefined when they exceed no limit.
 */
function describeExcess(secrets: readonly string[]): string | undefined {
  const { number, length, characters } = SECRET_LIMITS;
  if (secrets.length > number) return `more than ${number} different passwords`;
  if (secrets.some((secret) => secret.length > length)) return `a password of more than ${length} characters`;
  const sum = secrets.reduce((total, secret) => total + secret.length, 0);
  return sum > characters ? `passwords of more than ${characters} characters together` : undefined;
}

/**
 * Refuses a build whose secrets exceed {@link SECRET_LIMITS}.
 *
 * @throws FactoryError InvalidTemplate or InvalidInstallScript
 */
export function refuseExcessiveSecrets(template: TemplateWithSecrets, installScript?: string): void {
  const inTemplate = describeExcess(findSecrets(template));
  const excess = inTemplate ?? describeExcess(findSecrets(template, installScript));
  if (excess === undefined) return;
  const [type, carrier] =
    inTemplate === undefined
      ? (['InvalidInstallScript', 'the install script'] as const)
      : (['InvalidTemplate', 'the template'] as const);
  throw new FactoryError(type, `${carrier} has ${excess}: imagefactory cannot mask this in messages and logs`, {
    hint: 'let a command of the template or of the script fetch the passwords when it runs',
  });
}

/** Creates the masker of a build. If the secrets exceed the limits, the masker hides all texts. */
export function createBuildMasker(secrets: readonly string[]): Masker {
  const excess = describeExcess(secrets);
  return excess === undefined ? createMasker(secrets) : createBlindMasker(`the build has ${excess}`);
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
 * Masks all secrets in {@link SECRET_PARAMETERS}. In the other parameters, masks only passwords of URLs, because
 * resuming the build needs the rest of the values.
 */
function maskParameters(
  parameters: BuildRecord['parameters'],
  hidden: (text: string) => string,
): BuildRecord['parameters'] {
  return Object.fromEntries(
    Object.entries(parameters).map(([name, value]) => {
      if (typeof value !== 'string') return [name, value];
      return [name, SECRET_PARAMETERS.includes(name) ? hidden(value) : maskAddressPasswords(value)];
    }),
  );
}

/** The documents of a build that may contain secrets. */
export interface SecretSources {
  /** The text of the template; it may have mistakes. */
  template: string;
  /** All parameters, with the install script. */
  parameters: Record<string, unknown>;
}

/** Finds the secrets in the documents of a build, also when the template has mistakes. */
export function findDocumentSecrets({ template: text, parameters }: SecretSources): string[] {
  const { install_script: script, ...others } = parameters;
  // If the template is valid, we search for its parsed values too. A log may contain a secret in another form than the
  // template's text.
  const { template = { os: {} } } = parseTemplate(text);
  return [
    ...new Set([
      ...findSecrets(template, typeof script === 'string' ? script : ''),
      ...findSecretContents(text)
        .slice(0, MOST_ELEMENTS)
        .map(([from, to]) => text.slice(from, to).trim()),
      ...findAddressPasswords(text),
      ...listTexts(others).flatMap(findAddressPasswords),
      ...listTexts(others['target_content']).flatMap(findPasswordsInCommands),
    ]),
  ];
}

/** Masks the secrets in a record, for storage and display: in its template, parameters, error and warning. */
export function maskRecord(record: BuildRecord): BuildRecord {
  const masker = createBuildMasker(findDocumentSecrets(record));
  const hidden = (text: string): string => masker.mask(text);
  const { error } = record.status_detail;
  const { icicle_warning: warning } = record;
  return {
    ...record,
    template: maskContents(hidden(record.template)),
    parameters: maskParameters(record.parameters, hidden),
    status_detail: { ...record.status_detail, error: error === null ? null : hidden(error) },
    ...(typeof warning === 'string' ? { icicle_warning: hidden(warning) } : {}),
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
    ...(listTexts(template).flatMap(findPasswordsInCommands).length > 0
      ? ['the template carries a password in a command or file']
      : []),
    ...(findSecrets({ os: {} }, installScript).length > 0 ? ['the install script carries a password'] : []),
  ];
  if (carriers.length === 0) return [];
  return [
    `${carriers.join(', and ')}, and every user who may read the Temporal namespace can read this; ` +
      'to encrypt it, give payload keys (--payload-keys FILE, see `imagefactory codec --help`)',
  ];
}
