import { rm, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Mirror } from './mirror.js';
import { debianArchives } from './upstream.js';

const HOME = fileURLToPath(new URL('../../.cache/installer-tree/', import.meta.url));

/**
 * Serves the tree that `make.sh` has made, until the process gets SIGTERM or SIGINT. Prints the base URL on one line.
 */
async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      bind: { type: 'string', default: '127.0.0.1' },
      port: { type: 'string', default: '8090' },
      'pid-file': { type: 'string' },
      quiet: { type: 'boolean', default: false },
    },
  });
  const archives = await debianArchives();
  const mirror = new Mirror({
    tree: `${HOME}tree`,
    cache: `${HOME}archive`,
    archives: { debian: archives.debian, 'debian-security': archives.security },
    onAnswer: (method, path, status) => {
      if (!values.quiet) process.stderr.write(`${new Date().toISOString()} ${method} /${path} ${status}\n`);
    },
  });
  const url = await mirror.start(Number(values.port), values.bind);
  const pidFile = values['pid-file'];
  if (pidFile !== undefined) await writeFile(pidFile, `${process.pid}\n`);
  process.stdout.write(`${url}\n`);

  const end = new Promise<void>((resolve) => {
    process.once('SIGTERM', resolve);
    process.once('SIGINT', resolve);
  });
  await end;
  if (pidFile !== undefined) await rm(pidFile, { force: true });
  await mirror.stop();
}

await main();
