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

/** The most mappings that are searched for a key: more than people merge, and less than would exhaust the stack. */
const MOST_MERGED = 1000;

/**
 * YAML as cloud-init and subiquity read it: by PyYAML, which is YAML 1.1 with merge keys. Nothing is converted to
 * JavaScript's values, and nothing is written anew: only single values are looked up.
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

  /** Collects the anchors by name, and returns the first thing that PyYAML refuses and our library accepts. */
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
   * Finds the value of a key in a mapping, through aliases and merge keys. A key of the mapping itself counts before a
   * merged one. Undefined when the node is no mapping, or has no such key.
   */
  find(node: unknown, key: string, visited = new Set<unknown>()): unknown {
    const map = this.resolve(node);
    // A mapping that was searched in vain is not searched again: merge keys may name it a great many times.
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

  /** Returns the node that an alias means; every other node itself. */
  resolve(node: unknown): unknown {
    return isAlias(node) ? this.anchors.get(node.source) : node;
  }
}
