import { basename } from 'node:path';

/** Parses a URL, relative to `base` if that is given; returns undefined if it is not valid. */
export function parseUrl(url: string, base?: string): URL | undefined {
  return URL.canParse(url, base) ? new URL(url, base) : undefined;
}

/** Formats a URL for messages: without user, password and query, which may contain a signature. */
export function redactUrl(url: string): string {
  const parsed = parseUrl(url);
  if (parsed === undefined) return JSON.stringify(url.slice(0, 200));
  return `${parsed.origin === 'null' ? parsed.protocol : parsed.origin}${parsed.pathname}${parsed.search === '' ? '' : '?…'}`;
}

/** Decodes percent-encoding; returns text with a wrong encoding unchanged. */
export function decodePercent(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Reads the file name at the end of a URL's path, without percent-encoding; never a path with a slash. */
export function readFileName(url: string): string {
  return basename(decodePercent(basename(new URL(url).pathname)));
}
