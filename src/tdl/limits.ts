/**
 * What a template may have at the most. Well above any template that people write, and so low that a hostile one costs
 * neither memory nor time. docs/tdl.md states them; each is checked before the document reaches the XML library.
 */
export const LIMITS = {
  /** Bytes of the document. Temporal takes 2 MiB a payload, and the template travels in the build's input. */
  bytes: 1024 * 1024,
  /** Elements within each other. A valid template has five. */
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
  /** Entities within each other. */
  entityDepth: 8,
  /** Characters that all replaced references together may come to. */
  entityText: 256 * 1024,
  /** Characters of the template's name: it becomes part of image and host names, and Glance allows 255. */
  nameLength: 200,
  /** Mistakes that are reported; what comes after them is counted no more. */
  problems: 100,
} as const;
