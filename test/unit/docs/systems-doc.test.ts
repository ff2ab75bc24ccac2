import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { systemsDoc } from '../../../scripts/docs/systems-doc.js';
import { FAMILIES } from '../../../src/os/registry.js';

test('docs/operating-systems.md is what `npm run docs` writes', async () => {
  assert.equal(
    readFileSync(`${process.cwd()}/docs/operating-systems.md`, 'utf8'),
    await systemsDoc(),
    'run: npm run docs',
  );
});

test('every family is described with all of its names', async () => {
  const text = await systemsDoc();
  for (const { title, names } of FAMILIES) {
    assert(text.includes(`## ${title}\n`), title);
    for (const name of names) assert(text.includes(`\`${name}\``), name);
  }
});

test('a release that supports only some install types has a reason', () => {
  for (const { title, releases } of FAMILIES) {
    for (const { installTypes, reason, from } of releases) {
      assert(installTypes.length === 2 || (reason ?? '') !== '', `${title} ${from}`);
    }
  }
});
