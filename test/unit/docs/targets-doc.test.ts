import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { targetsDoc } from '../../../scripts/docs/targets-doc.js';
import { FORMAT_NAMES } from '../../../src/domain/target-formats.js';
import { TARGETS } from '../../../src/domain/targets.js';

test('docs/targets.md is what `npm run docs` writes', async () => {
  assert.equal(readFileSync(`${process.cwd()}/docs/targets.md`, 'utf8'), await targetsDoc(), 'run: npm run docs');
});

test('every target and every format is described by its name', async () => {
  const text = await targetsDoc();
  for (const name of [...TARGETS.map((target) => target.name), ...FORMAT_NAMES])
    assert(text.includes(`\`${name}\``), name);
});

test('every format belongs to a target', () => {
  const made = new Set(TARGETS.map(({ format }) => format));
  assert.deepEqual(
    FORMAT_NAMES.filter((name) => !made.has(name)),
    [],
  );
});
