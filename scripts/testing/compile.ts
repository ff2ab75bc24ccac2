import { mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, extname, join, relative } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { transform } from 'esbuild';
import { CACHE, PROJECT } from '../dev-cloud.js';

/*
 * Compiles the tests and the files that they import to `.cache/compiled`, because otherwise each test process would
 * compile its imports again. Usage: `node --import tsx scripts/testing/compile.ts`. It does not check types: use `npm
 * run typecheck` for that.
 */

/** Folder for the compiled files. Its subfolders are those of the project. */
export const COMPILED = join(CACHE, 'compiled');
/** Folders of the sources. */
const FOLDERS = ['src', 'test', 'scripts', 'dev'];

/** Extension and module format of the compiled file, by the extension of its source. */
const KINDS: Record<string, { extension: string; format: 'esm' | 'cjs' }> = {
  '.ts': { extension: '.js', format: 'esm' },
  '.cts': { extension: '.cjs', format: 'cjs' },
};

/** Returns the absolute path of the compiled form of a source file. */
export function compiledFile(source: string): string {
  const extension = extname(source);
  return join(COMPILED, relative(PROJECT, source).slice(0, -extension.length) + KINDS[extension]?.extension);
}

/** Returns the absolute path of the source of a compiled test. The source is a `.ts` file. */
export function sourceFile(compiled: string): string {
  return join(PROJECT, relative(COMPILED, compiled)).replace(/\.js$/, '.ts');
}

async function filesIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  return entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name));
}

/** Returns when a file was last changed, in milliseconds since 1970; 0 when the file does not exist. */
async function changedAt(file: string): Promise<number> {
  return stat(file).then(
    ({ mtimeMs }) => mtimeMs,
    () => 0,
  );
}

/**
 * Returns the values that replace `import.meta.url` and similar expressions in a compiled file. In tests and scripts
 * the value is the place of the source, because they read files next to the source. Files of `src/` keep the
 * expressions, because the program also works from its compiled files.
 */
function placeOf(source: string): Record<string, string> {
  if (relative(PROJECT, source).startsWith('src/')) return {};
  return {
    'import.meta.url': JSON.stringify(pathToFileURL(source).href),
    'import.meta.filename': JSON.stringify(source),
    'import.meta.dirname': JSON.stringify(dirname(source)),
  };
}

async function compile(source: string): Promise<void> {
  const { code } = await transform(await readFile(source, 'utf8'), {
    loader: 'ts',
    format: KINDS[extname(source)]?.format ?? 'esm',
    target: 'node22',
    sourcefile: source,
    // With the source map, stack traces name the source file and its lines.
    sourcemap: 'inline',
    sourcesContent: false,
    define: placeOf(source),
  });
  const file = compiledFile(source);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, code);
}

/**
 * Compiles the sources that have changed since the last call, and removes compiled files whose source no longer exists.
 */
export async function compileTests(): Promise<void> {
  // The compiled files contain the path of the project. When the project was moved, they no longer work, so we delete
  // them.
  const stamp = join(COMPILED, 'folder');
  const isOurs = (await readFile(stamp, 'utf8').catch(() => '')) === PROJECT;
  if (!isOurs) await rm(COMPILED, { recursive: true, force: true });
  const sources = (await Promise.all(FOLDERS.map((folder) => filesIn(join(PROJECT, folder))))).flat();
  const wanted = sources.filter((file) => extname(file) in KINDS);
  const own = await changedAt(fileURLToPath(import.meta.url));
  const isOld = async (source: string): Promise<boolean> =>
    (await changedAt(compiledFile(source))) <= Math.max(await changedAt(source), own);
  await Promise.all(wanted.map(async (source) => ((await isOld(source)) ? compile(source) : undefined)));
  const keep = new Set([stamp, ...wanted.map(compiledFile)]);
  for (const file of await filesIn(COMPILED)) if (!keep.has(file)) await rm(file);
  await writeFile(stamp, PROJECT);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await compileTests();
