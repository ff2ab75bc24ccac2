import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parsePythonYaml } from '../../../../src/openstack/config/python-yaml.js';

/**
 * YAML scalars. Each has the text that Python's `str` gives for the value that PyYAML reads; true and false stay
 * booleans.
 */
const SCALARS: [string, unknown][] = [
  ['0', '0'],
  ['-0', '0'],
  ['+12', '12'],
  ['0b11', '3'],
  ['-0x1f', '-31'],
  ['0_7', '7'],
  ['-010', '-8'],
  ['08', '08'],
  ['190:20:30', '685230'],
  ['190:20:30.15', '685230.15'],
  ['.5', '0.5'],
  ['1_0.5', '10.5'],
  ['1e3', '1e3'],
  ['1.5e-7', '1.5e-07'],
  ['9999999999999998.0', '9999999999999998.0'],
  ['10000000000000000.0', '1e+16'],
  ['-.inf', '-inf'],
  ['.NaN', 'nan'],
  ['Yes', true],
  ['OFF', false],
  ['yES', 'yES'],
  ['y', 'y'],
  ['~', null],
  ['2024-01-31', '2024-01-31'],
  ['!!str yes', 'yes'],
  ['!!int "12"', '12'],
];

describe('YAML as PyYAML reads it', () => {
  for (const [text, value] of SCALARS) {
    it(`has ${String(value)} for ${text}`, () => assert.deepEqual(parsePythonYaml(`[${text}]`), [value]));
  }

  it('has merge keys, which count less than the mapping’s own keys and less than earlier ones of a list', () => {
    const text = 'a: &a {x: a, y: a, z: a}\nb: &b {x: b, w: b}\nc: {x: c, <<: [*a, *b]}\nd: {<<: *a, y: d}\n';
    const { c, d } = parsePythonYaml(text) as Record<string, unknown>;
    assert.deepEqual([c, d], [
      { x: 'c', y: 'a', z: 'a', w: 'b' },
      { x: 'a', y: 'd', z: 'a' },
    ]); // prettier-ignore
  });

  it('has any number of aliases', () => {
    const text = `a: &a {k: &k [v]}\nb:\n${'  - {<<: *a, l: *k}\n'.repeat(500)}`;
    assert.equal(((parsePythonYaml(text) as Record<string, unknown>)['b'] as unknown[]).length, 500);
  });

  for (const [what, text] of [
    ['an unknown tag', 'a: !vault x'],
    ['several documents', 'a: 1\n---\nb: 2'],
    ['an alias without its anchor', 'a: *b'],
  ] as const) {
    it(`refuses ${what}`, () => assert.throws(() => parsePythonYaml(text)));
  }
});
