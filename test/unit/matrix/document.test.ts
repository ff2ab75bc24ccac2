import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { FAULTS, HEAD, TARGETS_HEAD } from '../../support/matrix/document.js';
import { ALL_FAULT_POINTS } from '../../support/matrix/fault-points.js';
import { TARGET_FAULTS, TARGET_POINTS } from '../../support/matrix/target-points.js';

const text = readFileSync(new URL('../../../docs/fault-matrix.md', import.meta.url), 'utf8');
const rows = text
  .split('\n')
  .filter((line) => line.startsWith('|'))
  .map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );

describe('docs/fault-matrix.md', () => {
  it('has a row for every fault point and a column for every fault (if not, run `npm run fault-matrix`)', () => {
    assert.deepEqual(rows[0], ['fault point', ...FAULTS]);
    const names = rows.slice(2, 2 + ALL_FAULT_POINTS.length).map(([name]) => name);
    assert.deepEqual(
      names,
      ALL_FAULT_POINTS.map(({ name }) => name),
    );
  });

  it('explains every fault', () => {
    const names = FAULTS.flatMap((fault) =>
      fault.startsWith('SIGKILL ') ? [`_${fault.slice(8)}_`] : [`**${fault}**`],
    );
    assert.deepEqual(
      names.filter((name) => !HEAD.includes(name)),
      [],
    );
  });

  it('has no cell RED, and at least one tested cell in every row and column', () => {
    const cells = rows.slice(2, 2 + ALL_FAULT_POINTS.length).map((row) => row.slice(1));
    assert.doesNotMatch(text, /RED/);
    for (const [index, row] of cells.entries())
      assert.ok(
        row.some((cell) => cell !== '·'),
        ALL_FAULT_POINTS[index]?.name,
      );
    for (const [index, fault] of FAULTS.entries())
      assert.ok(
        cells.some((row) => row[index] !== '·'),
        fault,
      );
  });

  it('has the table of target images, with every fault explained and every cell that is tested', () => {
    const names = TARGET_FAULTS.map(({ name }) => name);
    const table = rows.slice(2 + ALL_FAULT_POINTS.length);
    assert.deepEqual(table[0], ['fault point', ...names]);
    const unexplained = names.filter((name) => !TARGETS_HEAD.replaceAll(/\s+/g, ' ').includes(`**${name}**`));
    assert.deepEqual(unexplained, []);
    for (const [index, { name }] of TARGET_POINTS.entries()) {
      const tested = TARGET_FAULTS.map(({ at }) => name in at);
      const row = table[2 + index] ?? [];
      assert.deepEqual([row[0], ...row.slice(1).map((cell) => cell !== '·')], [name, ...tested]);
    }
  });
});
