import { writeFileSync } from 'node:fs';
import { jsonSchemas } from './json-schemas.js';
import { parametersDoc } from './parameters-doc.js';
import { systemsDoc } from './systems-doc.js';
import { targetsDoc } from './targets-doc.js';

/** Writes the documents that are generated from code: `npm run docs`. */
writeFileSync(new URL('../../docs/parameters.md', import.meta.url), await parametersDoc());
writeFileSync(new URL('../../docs/operating-systems.md', import.meta.url), await systemsDoc());
writeFileSync(new URL('../../docs/targets.md', import.meta.url), await targetsDoc());
for (const [name, text] of await jsonSchemas()) {
  writeFileSync(new URL(`../../docs/schemas/${name}`, import.meta.url), text);
}
