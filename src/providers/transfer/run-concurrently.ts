/**
 * Calls `work` for every item, for at most `limit` items at the same time. Takes the next item only when a place is
 * free, so items that hold a part of a file do not fill the memory. After the first failure it takes no more items,
 * waits for the calls in progress, and throws that failure.
 */
export async function runConcurrently<T>(
  items: AsyncIterable<T> | Iterable<T>,
  limit: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const running = new Set<Promise<void>>();
  const failures: unknown[] = [];
  try {
    for await (const item of items) {
      const call: Promise<void> = work(item)
        .catch((error: unknown) => void failures.push(error))
        .finally(() => running.delete(call));
      running.add(call);
      if (running.size >= limit) await Promise.race(running);
      if (failures.length > 0) break;
    }
  } finally {
    await Promise.all(running);
  }
  if (failures.length > 0) throw failures[0];
}
