/**
 * Checks whether a URL names a file by an absolute path on the machine that reads it: `file:///DIR/FILE`. In
 * `file://DIR/FILE`, DIR would be the name of another machine.
 */
export function isLocalFileUrl(url: string): boolean {
  return /^file:\/\/(localhost)?\//i.test(url);
}
