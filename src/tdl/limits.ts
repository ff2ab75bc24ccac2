/**
 * Limits of a template. They keep a hostile template from using much memory or time; the templates that people write
 * stay far below them. docs/tdl.md lists the limits. We check the limits of the XML before the XML library gets the
 * document.
 */
export const LIMITS = {
  /**
   * Bytes of the document. Temporal accepts at most 2 MiB per payload, and the template is a part of the build's input.
   */
  bytes: 1024 * 1024,
  /** Nesting depth of elements. A valid template has at most five levels. */
  depth: 16,
  /** Elements in the whole document. */
  elements: 20_000,
  /** Attributes of one element. A valid element has at most three. */
  attributes: 16,
  /** Characters of an attribute's value. */
  attributeLength: 4096,
  /** Internal entities that a DOCTYPE may declare. */
  entities: 64,
  /**
   * References to declared entities that may be replaced in the whole document, including the references within
   * entities.
   */
  entityReferences: 1000,
  /** Nesting depth of entities. */
  entityDepth: 8,
  /** Characters of all replaced entities together. */
  entityText: 256 * 1024,
  /** Characters of the template's name: it becomes part of image and host names, and Glance allows 255. */
  nameLength: 200,
  /** Characters of `<rootpw>` and of `<key>`: the longest password that crypt(3) takes (CRYPT_MAX_PASSPHRASE_SIZE). */
  secretLength: 512,
  /**
   * Steps of the customisation. Each step adds six events to the build's history (three of its activity, three of the
   * workflow's task), and Temporal terminates a workflow at 51,200 events, without clean-up. Less than half of them are
   * for the steps, so that a user may hold, correct and resume a build many times.
   */
  steps: 4000,
  /** Mistakes that are reported; further mistakes are not counted. */
  problems: 100,
} as const;

/** The limits of an XML document. */
export type XmlLimits = Record<
  | 'depth'
  | 'elements'
  | 'attributes'
  | 'attributeLength'
  | 'entities'
  | 'entityReferences'
  | 'entityDepth'
  | 'entityText',
  number
>;

/**
 * The limits of an install script in XML. The installers themselves have no such limits. Real scripts stay far below
 * these limits, which keep our check from using much memory or time.
 */
export const FOREIGN_LIMITS: XmlLimits = {
  depth: 200,
  elements: 200_000,
  attributes: 256,
  attributeLength: 64 * 1024,
  entities: 1000,
  entityReferences: 10_000,
  entityDepth: 20,
  entityText: 1024 * 1024,
};
