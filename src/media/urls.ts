/** The address, resolved against another where it is relative; undefined if it is none. */
export function parseUrl(url: string, base?: string): URL | undefined {
  // URL.parse would do, but came late to Node 20.
  return URL.canParse(url, base) ? new URL(url, base) : undefined;
}

/** The address for messages: without user, password and the query's values, which may be signatures. */
export function withoutSecrets(url: string): string {
  const parsed = parseUrl(url);
  if (parsed === undefined) return JSON.stringify(url.slice(0, 200));
  parsed.username = '';
  parsed.password = '';
  parsed.search = parsed.search === '' ? '' : '?…';
  parsed.hash = '';
  return decodeURI(parsed.href);
}
