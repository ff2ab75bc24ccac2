import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseServiceMessage, responseError, readRetryAfter, transportError } from '../../../src/http/http-errors.js';

const CALL = { service: 'Nova of cloud prod', method: 'POST', url: 'https://nova.test:8774/v2.1/servers?token=no' };

describe('the message of a service', () => {
  const cases: [string, string, string][] = [
    ['Keystone', '{"error": {"code": 401, "message": "not authorized", "title": "Unauthorized"}}', 'not authorized'],
    [
      'Nova',
      '{"itemNotFound": {"code": 404, "message": "Instance x could not be found."}}',
      'Instance x could not be found.',
    ],
    [
      'Neutron',
      '{"NeutronError": {"type": "OverQuota", "message": "Quota exceeded for resources: [\'port\'].", "detail": ""}}',
      "Quota exceeded for resources: ['port'].",
    ],
    ['Glance in JSON', '{"message": "exists!<br /><br />\\n\\n", "code": "409", "title": "Conflict"}', 'exists!'],
    [
      'Glance in HTML',
      '<html><head><title>404 Not Found</title></head><body><h1>404 Not Found</h1>No image &#x27;x&#x27;<br /></body></html>',
      "No image 'x'",
    ],
    ['a load balancer', '<html><body><h1>503 Service Unavailable</h1></body></html>', '503 Service Unavailable'],
    [
      'Placement',
      '{"errors": [{"status": 404, "detail": "No resource provider", "title": "Not Found"}]}',
      'No resource provider',
    ],
    ['plain text', 'Not here\n', 'Not here'],
    [
      'Nova with a class in it',
      '{"computeFault": {"code": 500, "message": "oops <class \'x.Y\'>"}}',
      "oops <class 'x.Y'>",
    ],
    ['a service with an empty body', '', ''],
    ['a service with an empty document', '{}', ''],
  ];
  for (const [who, body, message] of cases) {
    it(`is found in the answer of ${who}`, () => {
      const said = parseServiceMessage(body).message;
      assert.equal(said === body ? '' : said, message);
    });
  }

  it('is shortened when it is long', () => {
    assert.ok(parseServiceMessage('x'.repeat(100_000)).message.length < 1000);
  });
});

describe('the class of a refusal', () => {
  const neutron = (type: string, message: string): string => JSON.stringify({ NeutronError: { type, message } });
  const nova = (message: string): string => JSON.stringify({ forbidden: { message } });
  const cinder = (message: string): string => JSON.stringify({ overLimit: { code: 413, message, retryAfter: '0' } });
  const badVolume = (message: string): string => JSON.stringify({ badRequest: { code: 400, message } });
  const cases: [string, number, string, Record<string, string>, string, boolean][] = [
    ['a bad request', 400, '', {}, 'BadRequest', false],
    ['no valid token', 401, '', {}, 'AuthenticationFailed', false],
    ['a call that a policy forbids', 403, nova('Policy does not allow this'), {}, 'Forbidden', false],
    ['Nova’s quota', 403, nova('Quota exceeded for instances: Requested 1'), {}, 'QuotaExceeded', true],
    ['Nova’s key pair quota', 403, nova('Quota exceeded, too many key pairs.'), {}, 'QuotaExceeded', true],
    ['a call for an unknown resource', 404, '', {}, 'NotFound', false],
    ['a call for a deleted resource', 410, '', {}, 'NotFound', false],
    ['a conflict', 409, neutron('SecurityGroupInUse', 'Security Group x in use.'), {}, 'Conflict', false],
    ['Neutron’s quota', 409, neutron('OverQuota', 'Quota exceeded for resources'), {}, 'QuotaExceeded', true],
    [
      'a network without free addresses',
      409,
      neutron('IpAddressGenerationFailure', 'No more IP addresses'),
      {},
      'QuotaExceeded',
      true,
    ],
    ['Glance’s quota', 413, 'Denying attempt to upload image because it exceeds the quota', {}, 'QuotaExceeded', true],
    [
      'Cinder’s quota of volumes',
      413,
      cinder("VolumeLimitExceeded: Maximum number of volumes allowed (10) exceeded for quota 'volumes'."),
      { 'retry-after': '0' },
      'QuotaExceeded',
      true,
    ],
    [
      'Cinder’s quota of gigabytes',
      413,
      cinder(
        'VolumeSizeExceedsAvailableQuota: Requested volume or snapshot exceeds allowed gigabytes quota. Requested 2G, quota is 10G and 9G has been consumed.',
      ),
      { 'retry-after': '0' },
      'QuotaExceeded',
      true,
    ],
    [
      'a volume above the maximum size',
      413,
      cinder('VolumeSizeExceedsLimit: Requested volume size 9G is larger than maximum allowed limit 5G.'),
      { 'retry-after': '0' },
      'BadRequest',
      false,
    ],
    [
      'a volume in another state',
      400,
      badVolume('Invalid volume: Volume x status must be available'),
      {},
      'Conflict',
      false,
    ],
    [
      'a server of a volume in another state',
      400,
      badVolume(
        'Invalid volume: Invalid input received: Invalid volume: Volume x status must be available or downloading to reserve, but the current status is in-use. (HTTP 400)',
      ),
      {},
      'Conflict',
      false,
    ],
    [
      'the properties of a volume that is being uploaded',
      400,
      badVolume('Invalid volume: Updating volume metadata is not allowed for volumes in uploading status.'),
      {},
      'Conflict',
      false,
    ],
    ['an invalid volume', 400, badVolume('Invalid volume: no size'), {}, 'BadRequest', false],
    ['an old Nova’s rate limit', 413, '', { 'retry-after': '9' }, 'RateLimited', true],
    ['a rate limit', 429, '', { 'retry-after': '9' }, 'RateLimited', true],
    ['a rate limit without a time', 429, '', {}, 'RateLimited', true],
    ['a failure', 500, '', {}, 'CloudUnavailable', true],
    ['a proxy without a server', 502, '', {}, 'CloudUnavailable', true],
    ['a service in maintenance', 503, '', { 'retry-after': '9' }, 'CloudUnavailable', true],
    ['a proxy that waited too long', 504, '', {}, 'CloudUnavailable', true],
    ['a request that came too slowly', 408, '', {}, 'CloudUnavailable', true],
    ['a call that is not implemented', 501, '', {}, 'BadRequest', false],
    ['a redirection', 301, '', { location: 'https://elsewhere.test/' }, 'BadRequest', false],
  ];
  for (const [what, status, body, headers, type, retryable] of cases) {
    it(`of ${what} (${status}) is ${type}, ${retryable ? 'retryable' : 'final'}`, () => {
      const error = responseError(CALL, { status, body, headers });
      assert.deepEqual([error.type, error.retryable, error.status], [type, retryable, status]);
      assert.equal(error.retryAfterSeconds, headers['retry-after'] === '9' ? 9 : undefined);
    });
  }
});

describe('the error of a refusal', () => {
  it('names the service, the cloud, the call and the service’s message', () => {
    const headers = { 'x-openstack-request-id': 'req-1' };
    const error = responseError(CALL, { status: 400, body: '{"badRequest": {"message": "Bad flavor"}}', headers });
    assert.equal(error.message, 'Nova of cloud prod refused POST /v2.1/servers (400): Bad flavor');
    assert.equal(error.requestId, 'req-1');
  });

  it('also reads the request id from Nova’s own header', () => {
    const error = responseError(CALL, { status: 500, body: '', headers: { 'x-compute-request-id': 'req-2' } });
    assert.equal(error.requestId, 'req-2');
    assert.equal(error.message, 'Nova of cloud prod failed on POST /v2.1/servers (500): it gave no reason');
  });

  it('names the target of a redirection', () => {
    const error = responseError(CALL, { status: 302, body: '', headers: { location: 'https://login.test/' } });
    assert.match(error.message, /it redirects to https:\/\/login\.test\//);
  });

  for (const [location, shown] of [
    ['https://bob:secret@store.test/a/b?X-Amz-Signature=secret#secret', 'https://store.test/a/b'],
    ['/a?signature=secret', 'https://nova.test:8774/a'],
    ['http://[?secret', 'http://['],
  ] as const) {
    it(`shows no secret of the address ${location}`, () => {
      const { message } = responseError(CALL, { status: 307, body: '', headers: { location } });
      assert.ok(message.endsWith(`it redirects to ${shown}`), message);
    });
  }
});

describe('Retry-After', () => {
  it('may be a number of seconds', () => assert.equal(readRetryAfter({ 'retry-after': '120' }), 120));
  it('may be a date', () => {
    const now = Date.parse('2026-01-01T00:00:00Z');
    assert.equal(readRetryAfter({ 'retry-after': 'Thu, 01 Jan 2026 00:01:30 GMT' }, now), 90);
    assert.equal(readRetryAfter({ 'retry-after': 'Wed, 31 Dec 2025 00:00:00 GMT' }, now), 0);
  });
  it('is ignored when it is neither a number nor a date', () =>
    assert.equal(readRetryAfter({ 'retry-after': 'soon' }), undefined));
});

describe('the error of a call without an answer', () => {
  const cases: [string, string, boolean][] = [
    ['ECONNREFUSED', 'connect ECONNREFUSED 10.0.0.1:8774', true],
    ['ENOTFOUND', 'getaddrinfo ENOTFOUND nova.test', true],
    ['EAI_AGAIN', 'getaddrinfo EAI_AGAIN nova.test', true],
    ['ECONNRESET', 'read ECONNRESET', true],
    ['UND_ERR_CONNECT_TIMEOUT', 'Connect Timeout Error', true],
    ['SELF_SIGNED_CERT_IN_CHAIN', 'self-signed certificate in certificate chain', false],
    ['CERT_HAS_EXPIRED', 'certificate has expired', false],
    ['ERR_TLS_CERT_ALTNAME_INVALID', 'Hostname/IP does not match certificate', false],
  ];
  for (const [code, text, retryable] of cases) {
    it(`${code} is CloudUnavailable, ${retryable ? 'retryable' : 'final'}`, () => {
      const error = transportError(CALL, Object.assign(new Error(text), { code }));
      assert.equal(error.type, 'CloudUnavailable');
      assert.equal(error.retryable, retryable);
      assert.equal(error.message, `Nova of cloud prod did not answer POST /v2.1/servers at nova.test:8774: ${text}`);
      assert.equal(error.hint === undefined, retryable);
    });
  }

  for (const [title, error] of [
    ['an invalid header', Object.assign(new TypeError('Invalid character'), { code: 'ERR_INVALID_CHAR' })],
    ['an argument undici refuses', Object.assign(new Error('invalid header'), { code: 'UND_ERR_INVALID_ARG' })],
    ['a TypeError of our own', new TypeError("Cannot read properties of undefined (reading 'x')")],
  ] as const) {
    it(`${title} is Internal, and final`, () => {
      const { type, retryable, message } = transportError(CALL, error);
      assert.deepEqual([type, retryable], ['Internal', false]);
      assert.match(message, /cannot be asked POST \/v2\.1\/servers at nova\.test:8774: /);
    });
  }

  for (const error of [
    new TypeError('fetch failed', { cause: new Error('other side closed') }),
    new TypeError('terminated'),
    new Error('no answer within 5 s'),
    new DOMException('This operation was aborted', 'AbortError'),
    'closed',
  ]) {
    it(`${String(error)} is CloudUnavailable, retryable`, () => {
      const { type, retryable } = transportError(CALL, error);
      assert.deepEqual([type, retryable], ['CloudUnavailable', true]);
    });
  }

  it('has the reason of the first address when all addresses failed', () => {
    const first = Object.assign(new Error('connect ECONNREFUSED ::1:8774'), { code: 'ECONNREFUSED' });
    const error = transportError(CALL, new AggregateError([first, new Error('other')], ''));
    assert.match(error.message, /connect ECONNREFUSED ::1:8774$/);
  });
});
