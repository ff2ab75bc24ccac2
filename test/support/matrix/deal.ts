/** Things, dealt out to so many builds in turn. */
export function deal<T>(things: T[], builds: number): T[][] {
  return Array.from({ length: builds }, (_, nth) => things.filter((_thing, index) => index % builds === nth));
}
