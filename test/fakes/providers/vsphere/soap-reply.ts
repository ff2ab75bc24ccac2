import { XMLParser } from 'fast-xml-parser';
import type { ProviderReply } from '../provider-server.js';

/** A fault that the server answers. */
export class Fault extends Error {
  constructor(
    readonly fault: string,
    message: string,
    /** Elements of the fault, as XML. */
    readonly detail = '',
  ) {
    super(message);
  }
}

export interface Argument {
  name: string;
  attributes: Record<string, string>;
  /** The text of the element. */
  text: string;
  children: Argument[];
}

const parser = new XMLParser({
  preserveOrder: true,
  ignoreAttributes: false,
  attributeNamePrefix: '',
  parseTagValue: false,
  trimValues: false,
});

/** Reads the call in an envelope. */
export function readCall(body: string): Argument {
  const [, envelope] = toArguments(parser.parse(body) as Record<string, unknown>[]);
  const call = envelope?.children.find(({ name }) => name === 'Body')?.children[0];
  if (call === undefined) throw new Fault('InvalidRequest', 'no call in the envelope');
  return call;
}

function toArguments(nodes: Record<string, unknown>[]): Argument[] {
  return nodes.flatMap((node) => {
    const key = Object.keys(node).find((name) => name !== ':@') ?? '';
    if (key === '#text') return [];
    const inner = node[key] as Record<string, unknown>[];
    const text = inner.map((child) => String(child['#text'] ?? '')).join('');
    const attributes = (node[':@'] ?? {}) as Record<string, string>;
    return [{ name: key.replace(/^.*:/, ''), attributes, text, children: toArguments(inner) }];
  });
}

/** Finds an element by its path. */
export function find(argument: Argument | undefined, ...path: string[]): Argument | undefined {
  return path.reduce((found, name) => found?.children.find((child) => child.name === name), argument);
}

export function textOf(argument: Argument, ...path: string[]): string {
  const found = find(argument, ...path);
  if (found === undefined) throw new Fault('InvalidRequest', `${argument.name} has no ${path.join('/')}`);
  return found.text;
}

export function escapeXml(text: string): string {
  // As Go and vCenter write the end of a line.
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;').replaceAll('\n', '&#xA;');
}

const OPEN =
  '<?xml version="1.0" encoding="UTF-8"?><soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" xmlns:xsd="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><soapenv:Body>';
const CLOSE = '</soapenv:Body></soapenv:Envelope>';
const XML = { 'content-type': 'text/xml; charset=utf-8' };

export function soapReply(method: string, content: string, headers: Record<string, string> = {}): ProviderReply {
  const body = `${OPEN}<${method}Response xmlns="urn:vim25">${content}</${method}Response>${CLOSE}`;
  return { status: 200, headers: { ...XML, ...headers }, body };
}

export function faultReply({ fault, message, detail }: Fault): ProviderReply {
  const body = [
    `${OPEN}<soapenv:Fault><faultcode>ServerFaultCode</faultcode><faultstring>${escapeXml(message)}</faultstring>`,
    `<detail><${fault}Fault xmlns="urn:vim25" xsi:type="${fault}">${detail}</${fault}Fault></detail>`,
    `</soapenv:Fault>${CLOSE}`,
  ].join('');
  return { status: 500, headers: XML, body };
}
