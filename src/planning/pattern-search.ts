/** The root of the tree of patterns. At the root, no code of a pattern has matched. */
export const ROOT = 0;

/**
 * Finds many patterns in one pass over a text (Aho and Corasick, 1975). The constructor takes time in proportion to the
 * length of all patterns together. Each step takes constant time on average.
 */
export class PatternSearch {
  /** The edges of the tree. The key is `node * 2^16 + code`, and the value is the next node. */
  private readonly edges = new Map<number, number>();
  /**
   * The suffix links of Aho and Corasick. Each node stands for the codes on the path from the root to this node. Its
   * suffix link leads to the node for the longest shorter end of these codes that is also the beginning of a pattern.
   */
  private readonly shorter: number[] = [ROOT];
  /**
   * For each node, the first node at the end of a pattern that we reach when we follow `shorter` again and again. ROOT
   * when we reach none.
   */
  private readonly nextEnd: number[] = [ROOT];
  /** For each node, the number of codes from the root: how much of a pattern has matched. */
  readonly depth: number[] = [0];
  /** For each node, the index of the pattern that ends there. */
  private readonly patternAt: (number | undefined)[] = [undefined];

  /** @param patterns different patterns, none of them empty */
  constructor(patterns: readonly Iterable<number>[]) {
    const parents: [parent: number, code: number][] = [[ROOT, 0]];
    patterns.forEach((pattern, index) => {
      let node = ROOT;
      for (const code of pattern) {
        const next = this.edges.get(node * 0x10000 + code) ?? this.depth.length;
        if (next === this.depth.length) {
          this.edges.set(node * 0x10000 + code, next);
          this.depth.push((this.depth[node] ?? 0) + 1);
          parents.push([node, code]);
        }
        node = next;
      }
      this.patternAt[node] = index;
    });
    // The values of a node depend on nodes that are nearer to the root, so we compute the nearest nodes first.
    const order = [...this.depth.keys()].sort((one, other) => (this.depth[one] ?? 0) - (this.depth[other] ?? 0));
    for (const node of order.slice(1)) {
      const [parent, code] = parents[node] ?? [ROOT, 0];
      const shorter = parent === ROOT ? ROOT : this.step(this.shorter[parent] ?? ROOT, code);
      this.shorter[node] = shorter;
      this.nextEnd[node] = this.patternAt[shorter] === undefined ? (this.nextEnd[shorter] ?? ROOT) : shorter;
    }
  }

  /** Returns the node after one more code of the text. */
  step(from: number, code: number): number {
    for (let node = from; ; node = this.shorter[node] ?? ROOT) {
      const next = this.edges.get(node * 0x10000 + code);
      if (next !== undefined) return next;
      if (node === ROOT) return ROOT;
    }
  }

  /** Lists the indexes of the patterns that end at a node, the longest one first. */
  *endsAt(node: number): Generator<number> {
    for (let end = node; end !== ROOT; end = this.nextEnd[end] ?? ROOT) {
      const index = this.patternAt[end];
      if (index !== undefined) yield index;
    }
  }
}
