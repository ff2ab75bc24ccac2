import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { PARAMETERS } from '../../../src/domain/parameters.js';
import { parametersDoc } from '../../../scripts/docs/parameters-doc.js';

test('docs/parameters.md is what `npm run docs` writes', async () => {
  const root = process.cwd();
  assert.equal(readFileSync(`${root}/docs/parameters.md`, 'utf8'), await parametersDoc(), 'run: npm run docs');
});

test('every parameter is described', async () => {
  const text = await parametersDoc();
  for (const name of Object.keys(PARAMETERS)) assert.match(text, new RegExp(`^### \`${name}\`$`, 'm'));
});
