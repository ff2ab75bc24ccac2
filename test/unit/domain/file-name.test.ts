import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { toFileName } from '../../../src/domain/file-name.js';
import { nameOutput } from '../../../src/domain/lineage.js';

describe('the name of a file', () => {
  it('has only characters that every file system takes', () => {
    assert.equal(toFileName('../my image: 1.qcow2'), 'my-image-1.qcow2');
    assert.equal(toFileName('..'), 'image');
  });

  it('keeps its extensions when it is too long', () => {
    for (const extension of ['qcow2', 'tar.gz']) {
      const name = toFileName(nameOutput({ name: 'x'.repeat(90), target: 'gce', extension }));
      assert.ok(name.endsWith(`x.${extension}`), name);
      assert.equal(name.length, 80);
    }
    assert.equal(toFileName('x'.repeat(90)), 'x'.repeat(80));
  });
});
