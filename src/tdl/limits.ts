/**
 * Limits of a template: well above every template that people write, and low enough that a hostile one costs neither
 * memory nor time. docs/tdl.md lists them. Each is checked before the document reaches the XML library.
 */
export const LIMITS = {
  /** Bytes of the document. Temporal takes 2 MiB a payload, and the template travels in the build's input. */
  bytes: 1024 * 1024,
  /** Nesting depth of elements. A valid template has five levels. */
  depth: 16,
  /** Elements in all. */
  elements: 20_000,
  /** Attributes of one element. A valid one has three. */
  attributes: 16,
  /** Characters of an attribute's value. */
  attributeLength: 4096,
  /** Internal entities that a DOCTYPE may declare. */
  entities: 64,
  /** References to declared entities that may be replaced in the whole document, those within entities included. */
  entityReferences: 1000,
  /** Nesting depth of entities. */
  entityDepth: 8,
  /** Characters of all replaced references together. */
  entityText: 256 * 1024,
  /** Characters of the template's name: it becomes part of image and host names, and Glance allows 255. */
  nameLength: 200,
  /** Mistakes that are reported; further mistakes are not counted. */
  problems: 100,
} as const;
