import { writeFileSync } from 'node:fs';
import { parametersDoc } from '../src/client/parameters-doc.js';

/** Writes the documents that are generated from code: `npm run docs`. */
writeFileSync(new URL('../docs/parameters.md', import.meta.url), parametersDoc());
