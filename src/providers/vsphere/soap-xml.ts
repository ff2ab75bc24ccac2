import { XMLBuilder, XMLParser } from 'fast-xml-parser';
import { z } from 'zod';

/* The XML of vSphere's SOAP API, urn:vim25. */

/** What an element holds: text, elements in the order of the schema, or attributes (`@type`) and text (`#text`). */
export type XmlValue = string | number | boolean | XmlValue[] | { [name: string]: XmlValue | undefined };

/** A reference to something on the server. */
export interface ManagedObject {
  /** `VirtualMachine` */
  type: string;
  /** `vm-123` */
  value: string;
}

const ATTRIBUTES = { ignoreAttributes: false, attributeNamePrefix: '@' } as const;
const builder = new XMLBuilder({ ...ATTRIBUTES, suppressBooleanAttributes: false });
/** Drops prefixes, and leaves values as they are. Servers may write the end of a line as `&#xA;`: an HTML entity. */
const parser = new XMLParser({
  ...ATTRIBUTES,
  removeNSPrefix: true,
  parseTagValue: false,
  parseAttributeValue: false,
  htmlEntities: true,
});

const OPEN = [
  '<?xml version="1.0" encoding="UTF-8"?>',
  '<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"',
  ' xmlns:xsd="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">',
  '<soapenv:Body>',
].join('');

/** Writes one element. Those of its elements that are undefined are left out. */
export function element(name: string, value: XmlValue): string {
  return builder.build({ [name]: withoutUndefined(value) });
}

/** Writes a reference as the value of an element. */
export function reference({ type, value }: ManagedObject): XmlValue {
  return { '@type': type, '#text': value };
}

function withoutUndefined(value: XmlValue): XmlValue {
  if (Array.isArray(value)) return value.map(withoutUndefined);
  if (typeof value !== 'object') return value;
  const entries = Object.entries(value).flatMap(([name, inner]): [string, XmlValue][] =>
    inner === undefined ? [] : [[name, withoutUndefined(inner)]],
  );
  return Object.fromEntries(entries);
}

/** Writes the envelope of a call. @param elements the arguments, each as an element, in the order of the schema */
export function envelope(method: string, self: ManagedObject, elements: readonly string[]): string {
  const parts = [element('_this', reference(self)), ...elements];
  return `${OPEN}<${method} xmlns="urn:vim25">${parts.join('')}</${method}></soapenv:Body></soapenv:Envelope>`;
}

const bodySchema = z.object({ Envelope: z.object({ Body: z.record(z.string(), z.unknown()) }) });

/** Returns the first element in the body of an answer: a response or `Fault`. Undefined when it is no envelope. */
export function parseBody(text: string): { name: string; content: unknown } | undefined {
  const parsed = bodySchema.safeParse(parse(text));
  if (!parsed.success) return undefined;
  const [first] = Object.entries(parsed.data.Envelope.Body).filter(([name]) => !name.startsWith('@'));
  return first && { name: first[0], content: first[1] };
}

function parse(text: string): unknown {
  try {
    return parser.parse(text);
  } catch {
    return undefined;
  }
}

/** An element that holds a text, with or without attributes. */
export const textSchema = z.union([z.string(), z.object({ '#text': z.string() }).transform((value) => value['#text'])]);

export const referenceSchema = z
  .object({ '@type': z.string(), '#text': z.string() })
  .transform((value): ManagedObject => ({ type: value['@type'], value: value['#text'] }));

/** An element that may be repeated, or be missing. */
export function listOf<T extends z.ZodType>(schema: T): z.ZodType<z.output<T>[]> {
  const toList = (value: unknown): unknown[] => {
    if (value === undefined || value === '') return [];
    return Array.isArray(value) ? (value as unknown[]) : [value];
  };
  return z.preprocess(toList, z.array(schema));
}
