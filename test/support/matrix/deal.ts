/** Things, dealt out to so many builds in turn. */
export function distribute<T>(things: T[], builds: number): T[][] {
  return Array.from({ length: builds }, (_, nth) => things.filter((_thing, index) => index % builds === nth));
}

/** Things, cut into as many stretches as there are builds. */
export function divide<T>(things: T[], builds: number): T[][] {
  const length = things.length / builds;
  return Array.from({ length: builds }, (_, nth) =>
    things.slice(Math.round(nth * length), Math.round((nth + 1) * length)),
  );
}
