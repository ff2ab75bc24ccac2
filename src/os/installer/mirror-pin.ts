import type { InstallerPlan } from './types.js';

/** A mirror that a URL of an install tree was redirected to. */
export interface MirrorPin {
  /** The beginning of the install tree's URLs. */
  from: string;
  /** The beginning of the mirror's URLs, which replaces `from`. */
  to: string;
}

/**
 * Finds the mirror that a request was redirected to. The two URLs end in the same path; the result has the part of each
 * URL before this common end. A redirector may choose another mirror for each request, and mirrors may have files of
 * different days, so the build uses the same mirror for all files. Returns undefined when no redirect happened. It also
 * returns undefined when the mirror's URL is valid for this one file only: when a URL has a query (which may be a
 * signature), a user name or a password, or when the file names differ.
 */
export function findMirrorPin(asked: string, answered: string): MirrorPin | undefined {
  const [first, last] = [new URL(asked), new URL(answered)];
  if (first.href === last.href || [first, last].some(carriesSecret)) return undefined;
  const [wanted, given] = [first.pathname.split('/'), last.pathname.split('/')];
  let common = 0;
  while (
    common < Math.min(wanted.length, given.length) - 1 &&
    wanted[wanted.length - 1 - common] === given[given.length - 1 - common]
  )
    common += 1;
  if (common === 0) return undefined;
  const before = (url: URL, parts: string[]): string => {
    return `${url.origin}${parts.slice(0, parts.length - common).join('/')}/`;
  };
  return { from: before(first, wanted), to: before(last, given) };
}

function carriesSecret({ search, username, password }: URL): boolean {
  return search + username + password !== '';
}

/** Adds the pinned mirror's URL before each URL of the install tree. The tree's own URL stays as the second choice. */
export function pinUrls(urls: string[], pin: MirrorPin | undefined): string[] {
  if (pin === undefined) return urls;
  return urls.flatMap((url) => (url.startsWith(pin.from) ? [pin.to + url.slice(pin.from.length), url] : [url]));
}

/**
 * Replaces the tree's URL in the command line with the pinned mirror's URL, so that the installer uses the same mirror.
 */
export function withPin(plan: InstallerPlan, pin: MirrorPin | undefined): InstallerPlan {
  return pin === undefined ? plan : { ...plan, commandLine: plan.commandLine.replaceAll(pin.from, pin.to) };
}
