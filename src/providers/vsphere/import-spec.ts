import { XMLBuilder, XMLParser } from 'fast-xml-parser';
import { z } from 'zod';
import { FactoryError } from '../../domain/errors.js';

/*
 * The specification of a virtual machine that CreateImportSpec makes from a descriptor, and that ImportVApp takes. It
 * goes back as it came, in the order of its elements; only our notes are put into it.
 */

const OPTIONS = { ignoreAttributes: false, attributeNamePrefix: '@', preserveOrder: true } as const;
const parser = new XMLParser({
  ...OPTIONS,
  parseTagValue: false,
  parseAttributeValue: false,
  trimValues: false,
  htmlEntities: true,
});
const builder = new XMLBuilder({ ...OPTIONS, suppressBooleanAttributes: false });

/** An element in its order: its name has its content, `:@` its attributes. */
type Node = Record<string, unknown>;

const nodesSchema = z.array(z.record(z.string(), z.unknown()));
const attributesSchema = z.record(z.string(), z.string());

/** The elements of VirtualMachineConfigSpec that stand before its annotation. */
const BEFORE_ANNOTATION = [
  'changeVersion',
  'name',
  'version',
  'createDate',
  'uuid',
  'instanceUuid',
  'npivNodeWorldWideName',
  'npivPortWorldWideName',
  'npivWorldWideNameType',
  'npivDesiredNodeWwns',
  'npivDesiredPortWwns',
  'npivTemporaryDisabled',
  'npivOnNonRdmDisks',
  'npivWorldWideNameOp',
  'locationId',
  'guestId',
  'alternateGuestName',
];

/**
 * Takes the specification out of the answer to CreateImportSpec, and gives it our notes.
 *
 * @returns the element `spec` of the call ImportVApp
 */
export function takeImportSpec(answer: string, annotation: string): string {
  const path = ['Envelope', 'Body', 'CreateImportSpecResponse', 'returnval', 'importSpec'];
  let nodes: Node[] = nodesSchema.parse(parser.parse(answer));
  const namespaces: Record<string, string> = {};
  let spec: Node | undefined;
  for (const name of path) {
    spec = nodes.find((node) => nameOf(node) === name);
    if (spec === undefined) throw noSpecError(name);
    Object.assign(namespaces, namespacesOf(spec));
    nodes = childrenOf(spec);
  }
  const config = nodes.find((node) => nameOf(node) === 'configSpec');
  if (spec === undefined || config === undefined) throw noSpecError('configSpec');
  const settings = childrenOf(config).filter((node) => nameOf(node) !== 'annotation');
  const position = settings.findIndex((node) => !BEFORE_ANNOTATION.includes(nameOf(node)) && nameOf(node) !== '#text');
  settings.splice(position < 0 ? settings.length : position, 0, { annotation: [{ '#text': annotation }] });
  config[keyOf(config)] = settings;
  return builder.build([{ spec: nodes, ':@': { ...namespaces, ...attributesOf(spec) } }]);
}

function noSpecError(name: string): FactoryError {
  return new FactoryError('ImageFailed', `vSphere made no specification of the virtual machine: no ${name}`);
}

function keyOf(node: Node): string {
  return Object.keys(node).find((key) => key !== ':@') ?? '';
}

function nameOf(node: Node): string {
  return keyOf(node).replace(/^.*:/, '');
}

function childrenOf(node: Node): Node[] {
  return nodesSchema.safeParse(node[keyOf(node)]).data ?? [];
}

function attributesOf(node: Node): Record<string, string> {
  return attributesSchema.safeParse(node[':@']).data ?? {};
}

/** Prefixes that an outer element has declared; those of SOAP are declared in our envelope. */
function namespacesOf(node: Node): Record<string, string> {
  return Object.fromEntries(Object.entries(attributesOf(node)).filter(([name]) => name.startsWith('@xmlns:')));
}
