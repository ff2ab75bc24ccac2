import { type Document, isAlias, isMap, isScalar, isSeq, type LineCounter, parseDocument, visit } from 'yaml';

/**
 * YAML as cloud-init and subiquity read it: by PyYAML, which is YAML 1.1 with merge keys. Nothing is converted to
 * JavaScript's values, and nothing is written anew: only single values are looked up.
 */
export class PyYaml {
  private readonly document: Document.Parsed;
  private anchors: Map<string, unknown> | undefined;

  constructor(text: string, lineCounter: LineCounter) {
    // PyYAML accepts a key twice; the last one counts.
    this.document = parseDocument(text, {
      version: '1.1',
      merge: true,
      uniqueKeys: false,
      lineCounter,
      logLevel: 'silent',
    });
  }

  /** The first mistake in the text, with its offset. */
  get mistake(): { at: number; message: string } | undefined {
    const [error] = this.document.errors;
    return error && { at: error.pos[0], message: error.message.split('\n')[0] ?? '' };
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
    if (!isMap(map) || visited.has(map)) return undefined;
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
    return isAlias(node) ? this.findAnchors().get(node.source) : node;
  }

  private findAnchors(): Map<string, unknown> {
    if (this.anchors !== undefined) return this.anchors;
    const anchors = new Map<string, unknown>();
    visit(this.document, {
      Node: (_key, node) => {
        if (!isAlias(node) && node.anchor !== undefined && !anchors.has(node.anchor)) anchors.set(node.anchor, node);
      },
    });
    this.anchors = anchors;
    return anchors;
  }
}
