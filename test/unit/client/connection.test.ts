import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ApplicationFailure } from '@temporalio/common';
import { describeError, findUiAddress } from '../../../src/client/connection.js';

for (const [address, expected] of [
  ['127.0.0.1:7233', 'http://127.0.0.1:8233'],
  ['localhost:7300', 'http://localhost:8300'],
  ['localhost', 'http://localhost:8233'],
  ['prod.a2dd6.tmprl.cloud:7233', 'https://cloud.temporal.io'],
  ['eu-west-1.aws.api.temporal.io:7233', 'https://cloud.temporal.io'],
  ['temporal.example.org:7233', undefined],
] as const) {
  test(`the UI of ${address} is ${expected ?? 'not guessed'}`, () => {
    assert.equal(findUiAddress(address), expected);
  });
}

test('an error with causes is described by the first line of its innermost cause', () => {
  const inner = new Error('connect ECONNREFUSED 127.0.0.1:1\n    at somewhere');
  assert.equal(describeError(new Error('outer', { cause: inner })), 'connect ECONNREFUSED 127.0.0.1:1');
  assert.equal(describeError('odd'), 'odd');
});

test('a failure of an activity is described by its message, and its details are not taken for the text of gRPC', () => {
  const failure = ApplicationFailure.create({ message: 'the cloud answers 503', details: [{ hint: 'wait' }] });
  assert.equal(describeError(failure), 'the cloud answers 503');
  assert.equal(describeError(Object.assign(new Error('14 UNAVAILABLE: x'), { details: 'x' })), 'x');
  assert.equal(describeError(new TypeError('')), 'TypeError');
});
