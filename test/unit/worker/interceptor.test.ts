import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ApplicationFailure } from '@temporalio/common';
import { FactoryError } from '../../../src/domain/errors.js';
import { createMasker } from '../../../src/planning/masker.js';
import { toFailure } from '../../../src/worker/interceptor.js';
import { describeLoggedError, maskFields } from '../../../src/worker/logger.js';
import { parseAddress } from '../../../src/worker/address.js';

describe('a recorded failure', () => {
  it('has the type, message, request id, hint and retry behaviour of its error', () => {
    const failure = toFailure(
      new FactoryError('QuotaExceeded', 'instances 10/10', {
        retryable: true,
        retryAfterSeconds: 7,
        requestId: 'req-1',
        hint: 'wait',
      }),
      createMasker([]),
    );
    assert.ok(failure instanceof ApplicationFailure);
    assert.equal(failure.type, 'QuotaExceeded');
    assert.equal(failure.message, 'instances 10/10 (request req-1)');
    assert.equal(failure.nonRetryable, false);
    assert.equal(failure.nextRetryDelay, 7000);
    assert.deepEqual(failure.details, [{ hint: 'wait', consoleTail: undefined }]);
  });

  it('is the error itself when the error is not a FactoryError', () => {
    const bug = new TypeError('x is undefined');
    assert.equal(toFailure(bug, createMasker([])), bug);
  });

  it('is never larger than a few kilobytes', () => {
    const failure = toFailure(
      new FactoryError('CommandFailed', 'x'.repeat(100_000), { consoleTail: 'y'.repeat(100_000) }),
      createMasker([]),
    ) as ApplicationFailure;
    assert.ok(JSON.stringify([failure.message, failure.details]).length < 10_000);
  });
});

describe('a log line', () => {
  it('masks values whose names are like those of secrets', () => {
    assert.deepEqual(maskFields({ user: 'a', password: 'p', nested: { privateKey: 'k', os_token: 't', plain: 1 } }), {
      user: 'a',
      password: '********',
      nested: { privateKey: '********', os_token: '********', plain: 1 },
    });
  });
});

describe('an address to listen on', () => {
  it('is a host and a port, or only a port on the loopback address', () => {
    assert.deepEqual(parseAddress('0.0.0.0:9464', 'a'), { host: '0.0.0.0', port: 9464 });
    assert.deepEqual(parseAddress(':80', 'a'), { host: '127.0.0.1', port: 80 });
    assert.deepEqual(parseAddress('80', 'a'), { host: '127.0.0.1', port: 80 });
    for (const wrong of ['host', '127.0.0.1:65536', '']) {
      assert.throws(() => parseAddress(wrong, '--x'), /--x: .* is not an address; write host:port/);
    }
  });
});

describe('the field `error` of a log entry', () => {
  for (const [what, error, text] of [
    [
      'a failure with a type',
      ApplicationFailure.create({ type: 'NotFound', message: 'no flavor' }),
      'NotFound: no flavor',
    ],
    ['an error with a cause', new TypeError('a', { cause: new Error('b') }), 'TypeError: a; cause: Error: b'],
    ['a text of the SDK', 'Status { code: Unavailable }', 'Status { code: Unavailable }'],
    ['an object', { message: 'm', password: 'secret' }, '{"message":"m","password":"********"}'],
  ] as const) {
    it(`is a text for ${what}`, () => assert.equal(describeLoggedError(error), text));
  }
});
