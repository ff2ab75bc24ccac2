import type { InstallerPlan } from './types.js';

/** A mirror that an address of an install tree was redirected to. */
export interface MirrorPin {
  /** What the tree's addresses begin with. */
  from: string;
  /** What the mirror's do in its place. */
  to: string;
}

/**
 * The mirror that has answered for another address: what stands before the path that both end in. A redirector may choose another
 * mirror for each request, which need not have the same day's files. Undefined where nothing was redirected, and where the answer's
 * address is good for this one file only: with a query, which may be a signature, a password, or a path that ends otherwise.
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

/** The addresses with the pinned mirror's before each that is redirected, and the tree's own behind it. */
export function pinUrls(urls: string[], pin: MirrorPin | undefined): string[] {
  if (pin === undefined) return urls;
  return urls.flatMap((url) => (url.startsWith(pin.from) ? [pin.to + url.slice(pin.from.length), url] : [url]));
}

/** The plan with the pinned mirror's address in its command line, so that the installer goes to the same one. */
export function withPin(plan: InstallerPlan, pin: MirrorPin | undefined): InstallerPlan {
  return pin === undefined ? plan : { ...plan, commandLine: plan.commandLine.replaceAll(pin.from, pin.to) };
}
