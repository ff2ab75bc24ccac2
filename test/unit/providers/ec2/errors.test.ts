import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ErrorType } from '../../../../src/domain/errors.js';
import { hasCode, toFactoryError } from '../../../../src/providers/ec2/errors.js';

function sdkError(name: string, status: number | undefined, message = 'words', more: object = {}): Error {
  const $metadata = status === undefined ? {} : { httpStatusCode: status, requestId: 'request-1' };
  return Object.assign(new Error(message), { name, $metadata, ...more });
}

const read = (error: unknown): ReturnType<typeof toFactoryError> => toFactoryError('EC2', 'ec2:RegisterImage', error);

describe('an error of AWS', () => {
  const CASES: [name: string, status: number | undefined, type: ErrorType, retryable: boolean][] = [
    ['AuthFailure', 401, 'AuthenticationFailed', false],
    ['UnrecognizedClientException', 403, 'AuthenticationFailed', false],
    ['ExpiredTokenException', 403, 'AuthenticationFailed', false],
    ['CredentialsProviderError', undefined, 'AuthenticationFailed', false],
    ['UnauthorizedOperation', 403, 'Forbidden', false],
    ['AccessDeniedException', 403, 'Forbidden', false],
    ['OptInRequired', 401, 'Forbidden', false],
    ['RequestLimitExceeded', 503, 'RateLimited', true],
    ['RequestThrottledException', 400, 'RateLimited', true],
    ['ServiceQuotaExceededException', 402, 'QuotaExceeded', true],
    ['SnapshotLimitExceeded', 400, 'QuotaExceeded', true],
    ['InvalidAMIName.Duplicate', 400, 'Conflict', false],
    ['ConflictException', 409, 'Conflict', false],
    ['InvalidSnapshot.NotFound', 400, 'NotFound', false],
    ['ResourceNotFoundException', 404, 'NotFound', false],
    ['InternalServerException', 500, 'CloudUnavailable', true],
    ['Unknown', 502, 'CloudUnavailable', true],
    ['Unknown', 200, 'CloudUnavailable', true],
    ['InvalidParameterValue', 400, 'BadRequest', false],
    ['TimeoutError', undefined, 'CloudUnavailable', true],
    ['TypeError', undefined, 'Internal', false],
  ];
  for (const [name, status, type, retryable] of CASES) {
    it(`${name} ${status ?? 'without an answer'} is ${type}`, () => {
      const error = read(sdkError(name, status));
      assert.deepEqual({ type: error.type, retryable: error.retryable }, { type, retryable });
      assert.match(error.message, /ec2:RegisterImage.*words/);
    });
  }

  it('tells the request id, the code and the status', () => {
    const error = read(sdkError('InvalidParameterValue', 400, 'Value (x) is invalid'));
    assert.equal(error.message, 'EC2 refused ec2:RegisterImage (400 InvalidParameterValue): Value (x) is invalid');
    assert.equal(error.requestId, 'request-1');
    assert.ok(hasCode(error, 'InvalidParameterValue'));
    assert.ok(!hasCode(error, 'Other'));
  });

  it('names the missing permission as AWS says it, or that of the call', () => {
    const words = 'User: arn:aws:iam::1:user/u is not authorized to perform: ec2:CreateTags on resource: x';
    assert.match(read(sdkError('UnauthorizedOperation', 403, words)).hint ?? '', /ec2:CreateTags is missing/);
    assert.match(read(sdkError('AccessDenied', 403, 'no')).hint ?? '', /ec2:RegisterImage is missing/);
  });

  it('leaves the encoded refusal and the SDK’s advice out', () => {
    const encoded = 'You may not. Encoded authorization failure message: AAAA\nBBBB';
    assert.match(read(sdkError('UnauthorizedOperation', 403, encoded)).message, /: You may not\.$/);
    const advice = 'unexpected content\n  Deserialization error: to see the raw response, inspect the hidden field';
    assert.match(
      read(sdkError('Error', 502, advice)).message,
      /\(502\): the answer is not one that its API documents$/,
    );
  });

  it('leaves the signed headers out, also of its cause: the session token is among them', () => {
    for (const start of [
      'The Canonical String for this request should have been',
      'The String-to-Sign should have been',
    ]) {
      const words = `The signature does not match. ${start}\n'POST\nx-amz-security-token:SECRET'`;
      const error = read(sdkError('SignatureDoesNotMatch', 403, words));
      assert.match(error.message, /: The signature does not match\.$/);
      assert.ok(error.cause instanceof Error && hasCode(error, 'SignatureDoesNotMatch'));
      assert.doesNotMatch(error.cause.stack ?? '', /SECRET/);
    }
  });

  it('that a block was damaged on its way is no error of the credentials', () => {
    const words = 'The value passed in as x-amz-Checksum does not match the computed checksum.';
    const damaged = read(sdkError('InvalidSignatureException', 403, words));
    assert.deepEqual([damaged.type, damaged.retryable], ['CloudUnavailable', true]);
    const cut = read(sdkError('ValidationException', 400, 'Failed to read block data'));
    assert.deepEqual([cut.type, cut.retryable], ['CloudUnavailable', true]);
  });

  it('reads Retry-After', () => {
    const $response = { statusCode: 503, headers: { 'retry-after': '7' } };
    assert.equal(read(sdkError('SlowDown', 503, 'slow', { $response })).retryAfterSeconds, 7);
  });

  it('about the connection says what to look at', () => {
    const untrusted = read(sdkError('Error', undefined, 'self-signed', { code: 'SELF_SIGNED_CERT_IN_CHAIN' }));
    assert.deepEqual([untrusted.type, untrusted.retryable], ['CloudUnavailable', false]);
    assert.match(untrusted.hint ?? '', /`ca` of the provider/);
    const unknown = read(sdkError('Error', undefined, 'getaddrinfo ENOTFOUND ec2.eu-west-9', { code: 'ENOTFOUND' }));
    assert.match(unknown.hint ?? '', /check `region`/);
  });
});
