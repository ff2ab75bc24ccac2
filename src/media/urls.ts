import { basename } from 'node:path';

/** The address, resolved against another where it is relative; undefined if it is none. */
export function parseUrl(url: string, base?: string): URL | undefined {
  // URL.parse would do, but came late to Node 20.
  return URL.canParse(url, base) ? new URL(url, base) : undefined;
}

/** The address for messages: without user, password and the query's values, which may be signatures. */
export function redactUrl(url: string): string {
  const parsed = parseUrl(url);
  if (parsed === undefined) return JSON.stringify(url.slice(0, 200));
  return `${parsed.origin === 'null' ? parsed.protocol : parsed.origin}${parsed.pathname}${parsed.search === '' ? '' : '?…'}`;
}

/** Undoes percent-encoding; text that is not rightly encoded stays as it is. */
export function decodePercent(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** The last part of an address's path, as the file is called where it lies: without percent-encoding, and never a path. */
export function readFileName(url: string): string {
  return basename(decodePercent(basename(new URL(url).pathname)));
}
