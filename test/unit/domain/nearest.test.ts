import assert from 'node:assert/strict';
import { test } from 'node:test';
import { suggestName } from '../../../src/domain/nearest.js';

const KNOWN = ['base_image', 'validate', 'images', 'status', 'watch', 'cancel', 'delete', 'dev', 'gc', 'ssh'];

for (const [given, expected] of [
  ['statsu', 'status'],
  ['imagse', 'images'],
  ['base-image', 'base_image'],
  ['Watch', 'watch'],
  ['valid', 'validate'],
  ['gb', 'gc'],
  ['del', 'delete'],
] as const) {
  test(`${given} is taken for a mistyped ${expected}`, () => {
    assert.equal(suggestName(given, KNOWN), expected);
  });
}

test('nothing is suggested for a word that is close to no name', () => {
  for (const given of ['bake', 'x', '', '-', 'nonsense']) assert.equal(suggestName(given, KNOWN), undefined, given);
});
