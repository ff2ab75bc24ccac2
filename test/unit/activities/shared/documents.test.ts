import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { Deps } from '../../../../src/activities/shared/context.js';
import { loadTemplate } from '../../../../src/activities/shared/documents.js';
import { templateText } from '../../tdl/support.js';

for (const encoding of ['ISO-8859-1', 'windows-1252', 'UTF-16', 'klingon']) {
  it(`a template that says ${encoding} is read from the store as the text that the plan has put there`, async () => {
    const rest = '<files><file name="/etc/motd">Grüße</file></files>';
    const stored = `<?xml version="1.0" encoding="${encoding}"?>${templateText({ rest })}`;
    const deps = { store: { readDocument: async () => Buffer.from(stored, 'utf8') } } as unknown as Deps;
    const { files } = await loadTemplate(deps, 'u');
    assert.deepEqual(files, [{ name: '/etc/motd', content: { type: 'raw', text: 'Grüße' } }]);
  });
}
