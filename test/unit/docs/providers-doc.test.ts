import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { PROVIDER_KIND_NAMES, PROVIDER_KINDS } from '../../../src/domain/provider-kinds.js';
import { listFiles, readSection, readText, tableRows } from './markdown.js';

describe('docs/providers.md', () => {
  const rows = tableRows(readSection(readText('docs/providers.md'), '## Configure'));

  it('has every kind of provider with its page, its formats and its default target', () => {
    assert.deepEqual(
      rows.map((cells) => cells.slice(0, 4)),
      PROVIDER_KIND_NAMES.map((name) => {
        const { title, formats, target } = PROVIDER_KINDS[name];
        const takes = formats.map((format) => `\`${format}\``).join(', ');
        return [`[\`${name}\`](providers/${name}.md)`, title, takes, `\`${target}\``];
      }),
    );
  });

  it('says against what each kind was verified', () => {
    assert.deepEqual(
      rows.filter(([, , , , verified = '']) => verified === ''),
      [],
    );
  });

  it('has a page for each kind, and no other page', () => {
    const pages = PROVIDER_KIND_NAMES.map((name) => `docs/providers/${name}.md`);
    assert.deepEqual(listFiles('docs/providers').sort(), pages.sort());
  });
});
