import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { pathToFileURL } from 'node:url';

const run = promisify(execFile);

/** Base URLs of Debian's archives, without a trailing slash. */
export interface DebianArchives {
  /** The main archive, for example `http://mirror/debian`. */
  debian: string;
  /** The security archive, for example `http://mirror/debian-security`. */
  security: string;
}

/**
 * Finds the Debian archives that this machine's apt uses. `DEBIAN_MIRROR` and `DEBIAN_SECURITY_MIRROR` replace them.
 * Ubuntu needs these variables, because its apt uses no Debian archive.
 *
 * @throws Error when neither apt nor the environment names a Debian archive
 */
export async function debianArchives(environment: NodeJS.ProcessEnv = process.env): Promise<DebianArchives> {
  const known = await aptRepositories();
  const debian = environment.DEBIAN_MIRROR ?? known.find((uri) => uri.endsWith('/debian'));
  if (debian === undefined) {
    throw new Error(
      "No Debian archive: this machine's apt uses none. Set DEBIAN_MIRROR to the URL of a Debian mirror (it ends in /debian).",
    );
  }
  const main = withoutSlash(debian);
  const security =
    environment.DEBIAN_SECURITY_MIRROR ?? known.find((uri) => uri.endsWith('/debian-security')) ?? `${main}-security`;
  return { debian: main, security: withoutSlash(security) };
}

/** Lists the repositories that apt uses. apt reads all formats of its source files. */
async function aptRepositories(): Promise<string[]> {
  const { stdout } = await run('apt-get', ['indextargets', '--format', '$(REPO_URI)']);
  return [...new Set(stdout.split('\n').filter(Boolean).map(withoutSlash))];
}

function withoutSlash(url: string): string {
  return url.replace(/\/+$/, '');
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const archives = await debianArchives();
  process.stdout.write(`${archives.debian} ${archives.security}\n`);
}
