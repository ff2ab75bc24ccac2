import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { renderMatrix, type Part, type RealFault } from '../test/support/matrix/document.js';
import { formatMarkdown } from './docs/markdown.js';

/** Writes docs/fault-matrix.md from the results of the last run of the tests in test/matrix: `npm run fault-matrix`. */
const cache = fileURLToPath(new URL('../.cache', import.meta.url));
const document = fileURLToPath(new URL('../docs/fault-matrix.md', import.meta.url));
const folder = join(cache, 'fault-matrix');

const parts = readdirSync(folder)
  .sort()
  .map((file) => ({
    name: basename(file, '.json'),
    ...(JSON.parse(readFileSync(join(folder, file), 'utf8')) as Omit<Part, 'name'>),
  }));
const realFile = join(cache, 'e2e-faults.json');
const real = existsSync(realFile) ? (JSON.parse(readFileSync(realFile, 'utf8')) as RealFault[]) : [];
writeFileSync(document, await formatMarkdown(renderMatrix(parts, real)));
