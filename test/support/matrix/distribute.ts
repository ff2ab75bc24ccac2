/** Distributes items over the builds in turn: item 0 to build 0, item 1 to build 1, and so on. */
export function distribute<T>(items: T[], builds: number): T[][] {
  return Array.from({ length: builds }, (_, nth) => items.filter((_item, index) => index % builds === nth));
}

/** Divides items into consecutive parts, one for each build. */
export function divide<T>(items: T[], builds: number): T[][] {
  const length = items.length / builds;
  return Array.from({ length: builds }, (_, nth) =>
    items.slice(Math.round(nth * length), Math.round((nth + 1) * length)),
  );
}
