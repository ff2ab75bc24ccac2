import {
  type Document,
  isAlias,
  isCollection,
  isMap,
  isScalar,
  isSeq,
  type LineCounter,
  parseDocument,
  visit,
} from 'yaml';

/** A mistake, with its offset in the text. */
interface Mistake {
  at: number;
  message: string;
}

/**
 * Maximum number of mappings in which `find` searches for a key. Real files merge fewer mappings. Without this limit, a
 * file that merges very many mappings could exhaust the stack.
 */
const MOST_MERGED = 1000;

/**
 * A YAML document, read as cloud-init and subiquity read it. Both use PyYAML, which reads YAML 1.1 with merge keys.
 * This class only looks up single values. It does not convert the document to JavaScript values, and never writes YAML.
 */
export class PyYaml {
  private readonly document: Document.Parsed;
  private readonly anchors = new Map<string, unknown>();
  /** The first mistake in the text. */
  readonly mistake: Mistake | undefined;

  constructor(text: string, lineCounter: LineCounter) {
    // PyYAML accepts a key twice; the last one counts.
    this.document = parseDocument(text, { version: '1.1', merge: true, uniqueKeys: false, lineCounter });
    const found = this.collectAnchors();
    const { errors, warnings } = this.document;
    const broken = [...errors, ...warnings.filter(({ code }) => code === 'TAG_RESOLVE_FAILED')];
    const [first] = broken.map(({ pos, message }) => ({ at: pos[0], message: message.split('\n')[0] ?? '' }));
    this.mistake = first ?? found;
  }

  /** Collects the anchors by name, and returns the first mistake that PyYAML refuses and our library accepts. */
  private collectAnchors(): Mistake | undefined {
    let mistake: Mistake | undefined;
    visit(this.document, {
      Node: (_key, node) => {
        const refuse = (message: string): void => {
          mistake ??= { at: node.range?.[0] ?? 0, message };
        };
        if (isAlias(node)) {
          if (!this.anchors.has(node.source))
            refuse(`no anchor &${node.source} stands before the alias *${node.source}`);
        } else if (node.anchor !== undefined) {
          if (this.anchors.has(node.anchor)) refuse(`the anchor &${node.anchor} is there twice`);
          this.anchors.set(node.anchor, node);
        }
      },
      Pair: (_key, { key }) => {
        if (!isCollection(key)) return;
        mistake ??= { at: key.range?.[0] ?? 0, message: 'a list or a mapping cannot be a key' };
      },
    });
    return mistake;
  }

  get root(): unknown {
    return this.document.contents;
  }

  /**
   * Finds the value of a key in a mapping, through aliases and merge keys. A key of the mapping itself overrides a
   * merged key. Returns undefined when the node is no mapping, or has no such key.
   */
  find(node: unknown, key: string, visited = new Set<unknown>()): unknown {
    const map = this.resolve(node);
    // We search no mapping twice, because merge keys may name the same mapping very many times.
    if (!isMap(map) || visited.has(map) || visited.size === MOST_MERGED) return undefined;
    visited.add(map);
    const pairs = [...map.items].reverse();
    const own = pairs.find((pair) => isScalar(pair.key) && pair.key.value === key);
    if (own !== undefined) return this.resolve(own.value);
    for (const pair of pairs) {
      if (!isScalar(pair.key) || pair.key.source !== '<<' || pair.key.type !== 'PLAIN') continue;
      const merged = this.resolve(pair.value);
      for (const part of isSeq(merged) ? merged.items : [merged]) {
        const found = this.find(part, key, visited);
        if (found !== undefined) return found;
      }
    }
    return undefined;
  }

  /** Returns the node to which an alias refers. Returns every other node as it is. */
  resolve(node: unknown): unknown {
    return isAlias(node) ? this.anchors.get(node.source) : node;
  }
}
