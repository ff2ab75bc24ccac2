/** An item of a tree, with the lines that lead to it. */
export interface Branch<T> {
  item: T;
  /** Stands before the item: `├─ `. */
  prefix: string;
  /** Stands before further lines of the item: `│  `. */
  below: string;
}

/**
 * Draws a tree: lists its items, each before its children, with the lines that lead to them. An item is drawn once, so
 * a circle ends.
 */
export function drawTree<T>(roots: readonly T[], listChildren: (item: T) => readonly T[]): Branch<T>[] {
  const drawn = new Set<T>(roots);
  const draw = (item: T, lead: string, [corner, line]: readonly [string, string]): Branch<T>[] => {
    const children = listChildren(item).filter((child) => !drawn.has(child));
    for (const child of children) drawn.add(child);
    const inner = lead + line;
    return [
      { item, prefix: lead + corner, below: inner + (children.length === 0 ? '' : '│') },
      ...children.flatMap((child, at) =>
        draw(child, inner, at === children.length - 1 ? ['└─ ', '   '] : ['├─ ', '│  ']),
      ),
    ];
  };
  return roots.flatMap((root) => draw(root, '', ['', '']));
}
