import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { buildNewcArchive, createPadding } from '../../../src/media/newc.js';
import { missingProgram } from '../../support/programs.js';

describe('an archive for the kernel', () => {
  it('is unpacked by busybox, for all lengths of files', { skip: missingProgram('busybox') }, async () => {
    const folder = await mkdtemp(join(tmpdir(), 'newc-'));
    const files = ['', 'a', 'ab', 'abc', 'abcd', 'ä'.repeat(70_000)].map((text, index) => ({
      path: `f${'x'.repeat(index)}`,
      content: Buffer.from(text),
    }));
    try {
      execFileSync('busybox', ['cpio', '-i'], {
        cwd: folder,
        input: buildNewcArchive(files),
        stdio: ['pipe', 'pipe', 'pipe'],
      });
      for (const { path, content } of files) assert.deepEqual(await readFile(join(folder, path)), content);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('begins at a multiple of four bytes, where the kernel looks for it', () => {
    assert.deepEqual([0, 1, 2, 3, 4].map((bytes) => createPadding(bytes).length), [0, 3, 2, 1, 0]); // prettier-ignore
    assert.equal(buildNewcArchive([{ path: 'p', content: Buffer.from('x') }]).length % 4, 0);
  });
});
