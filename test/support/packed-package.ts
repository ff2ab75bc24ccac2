import { execFile } from 'node:child_process';
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { builtProgram, PROJECT } from './built-program.js';

const run = promisify(execFile);

/** The TypeScript compiler of the project. */
export const TSC = join(PROJECT, 'node_modules/.bin/tsc');

/** The strictest settings that a user's program may have. */
const TSCONFIG = {
  compilerOptions: {
    target: 'es2022',
    module: 'nodenext',
    strict: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    noPropertyAccessFromIndexSignature: true,
    skipLibCheck: true,
    types: ['node'],
  },
};

/**
 * Packs the package as `npm publish` does, and installs it in an empty folder with the configuration of a TypeScript
 * program. Links to the project's own packages replace the dependencies in the manifest, so the test needs no registry.
 * As after a real installation, the program cannot import a package that the manifest does not name.
 */
export async function installPackedPackage(folder: string): Promise<void> {
  await builtProgram();
  const pack = ['pack', '--ignore-scripts', '--json', '--pack-destination', folder];
  const { stdout } = await run('npm', pack, { cwd: PROJECT });
  const [packed] = JSON.parse(stdout) as { filename: string }[];
  const modules = join(folder, 'node_modules');
  const installed = join(modules, 'imagefactory-nova');
  await mkdir(installed, { recursive: true });
  await run('tar', ['-xzf', join(folder, String(packed?.filename)), '--strip-components=1', '-C', installed]);
  const manifest = JSON.parse(await readFile(join(installed, 'package.json'), 'utf8')) as {
    dependencies: Record<string, string>;
  };
  for (const name of [...Object.keys(manifest.dependencies), '@types/node']) {
    await mkdir(dirname(join(modules, name)), { recursive: true });
    await symlink(join(PROJECT, 'node_modules', name), join(modules, name));
  }
  await writeFile(join(folder, 'package.json'), JSON.stringify({ name: 'user', private: true, type: 'module' }));
  await writeFile(join(folder, 'tsconfig.json'), JSON.stringify(TSCONFIG));
}
