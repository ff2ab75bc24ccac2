import { FactoryError } from '../domain/errors.js';
import { findTarget } from '../domain/find-target.js';
import { PROVIDER_KINDS, type ProviderKindName } from '../domain/provider-kinds.js';
import { Problems } from '../tdl/place.js';
import { parseForeignXml, type XmlElement } from '../tdl/xml.js';
import type { GivenProvider } from './providers.js';
import { readInstallScript } from './text-source.js';

/*
 * The files that `provider_image` takes, as the original imagefactory (Python) had them: a description of the provider,
 * and credentials, each as JSON or as XML.
 */

/**
 * Reads the word that names a provider: `@name`, or the file that describes it.
 *
 * @param target name of the target: it says of what kind a provider is whose file does not
 * @throws FactoryError InvalidParameter when the file is neither JSON nor XML
 * @throws UnreadableFileError when there is no such file
 */
export function readProvider(word: string, target: string): GivenProvider {
  if (word.startsWith('@')) return { name: word.slice(1) };
  const given = readDocument(word);
  const kind = given['kind'] ?? findKindOfTarget(target);
  if (kind === undefined) {
    throw new FactoryError('InvalidParameter', `${word} does not say of what kind the provider is`, {
      hint: `add the key kind: one of ${Object.keys(PROVIDER_KINDS).join(', ')}; or name a provider of the workers: @NAME`,
    });
  }
  refuseSecrets(word, given);
  return { name: word.replace(/^.*\//, ''), definition: { ...given, kind } };
}

/**
 * Reads credentials: a JSON object, or imagefactory's XML (`<provider_credentials><ec2_credentials>…`).
 *
 * @throws FactoryError InvalidParameter when the file is neither
 * @throws UnreadableFileError when there is no such file
 */
export function readCredentials(file: string): Readonly<Record<string, unknown>> {
  return readDocument(file);
}

function readDocument(file: string): Readonly<Record<string, unknown>> {
  const { text } = readInstallScript({ file });
  return text.trimStart().startsWith('<') ? parseXmlDocument(text, file) : parseJsonDocument(text, file);
}

function parseJsonDocument(text: string, file: string): Readonly<Record<string, unknown>> {
  const value = parseJson(text);
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  // The text may hold a password, so the message does not quote it.
  throw new FactoryError('InvalidParameter', `${file} is neither a JSON object nor XML`);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Reads the texts of the innermost elements, and the attributes of the outermost one. */
function parseXmlDocument(text: string, file: string): Readonly<Record<string, unknown>> {
  const problems = new Problems(text);
  const root = parseForeignXml(text, problems);
  if (root === undefined) {
    const [first] = problems.list();
    throw new FactoryError('InvalidParameter', `${file}:${first?.line}:${first?.column}: it is not well-formed XML`);
  }
  const sections = root.children.filter(({ children }) => children.length > 0);
  if (sections.length > 1) {
    const names = sections.map(({ name }) => name).join(', ');
    throw new FactoryError('InvalidParameter', `${file} has credentials of several kinds: ${names}`, {
      hint: 'leave only those of the provider in the file',
    });
  }
  const attributes = [...root.attributes].map(([name, { value }]): [string, string] => [name, value]);
  return Object.fromEntries([...attributes, ...listTexts(root)]);
}

function listTexts({ children }: XmlElement): [string, string][] {
  return children.flatMap((child) =>
    child.children.length === 0 ? [[child.name, child.text.trim()] as [string, string]] : listTexts(child),
  );
}

/** Refuses passwords in the description of a provider, which goes into Temporal's history and into the record. */
function refuseSecrets(file: string, given: object): void {
  for (const [key, value] of Object.entries(given) as [string, unknown][]) {
    if (typeof value === 'object' && value !== null) refuseSecrets(file, value);
    const isAddress = typeof value === 'string' && URL.canParse(value) && new URL(value).password !== '';
    if (!isAddress && !(typeof value === 'string' && /pass|secret|token/i.test(key))) continue;
    throw new FactoryError('InvalidParameter', `${file}: ${key} is a secret, which does not belong there`, {
      hint: 'write it into the file of credentials, which is encrypted',
    });
  }
}

function findKindOfTarget(target: string): ProviderKindName | undefined {
  const { name } = findTarget(target);
  const kinds = Object.entries(PROVIDER_KINDS) as [ProviderKindName, { target: string }][];
  return kinds.find(([, kind]) => kind.target === name)?.[0];
}
