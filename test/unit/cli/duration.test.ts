import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseDuration } from '../../../src/cli/duration.js';
import { UsageError } from '../../../src/cli/errors.js';

test('a duration is a number and a unit; without a unit the number is in seconds', () => {
  assert.deepEqual(
    ['90', '90s', '30m', '24h', '30D', ' 7 d '].map((text) => parseDuration('--older-than', text)),
    [90, 90, 1800, 86_400, 2_592_000, 604_800],
  );
});

test('a text that is not a duration is refused, and the error names the option', () => {
  for (const text of ['', 'h', '-1h', '1.5h', '1w', 'soon']) {
    assert.throws(
      () => parseDuration('--older-than', text),
      (error: Error) => {
        assert.ok(error instanceof UsageError);
        assert.match(error.message, /^--older-than: ".*" is not a duration$/);
        return true;
      },
    );
  }
});
