import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FactoryError } from '../../../../src/domain/errors.js';
import { describeShortage } from '../../../../src/activities/instance/describe-shortage.js';

function refusal(said: string, type: 'QuotaExceeded' | 'RateLimited' | 'Forbidden' = 'QuotaExceeded'): FactoryError {
  const retryable = type !== 'Forbidden';
  return new FactoryError(type, `Nova of cloud here refused POST /v2.1/servers (403): ${said}`, { retryable });
}

describe('the shortage of a cloud', () => {
  it('is read from Nova’s sentence', () => {
    const one = refusal('Quota exceeded for instances: Requested 1, but already used 10 of 10 instances');
    assert.equal(describeShortage(one), 'quota: instances 10/10');
    const two = refusal(
      'Quota exceeded for cores, ram: Requested 2, 2048, but already used 19, 51200 of 20, 51200 cores, ram',
    );
    assert.equal(describeShortage(two), 'quota: cores 19/20, ram 51200/51200');
  });

  it('is read from the sentence that Nova has for unified limits', () => {
    const said =
      'Project 6c3a is over a limit for [Resource servers is over limit of 10 due to current usage 10 and delta 1]';
    assert.equal(describeShortage(refusal(said)), 'quota: instances 10/10');
  });

  it('is read from Neutron’s sentence', () => {
    assert.equal(describeShortage(refusal("Quota exceeded for resources: ['floatingip'].")), 'quota: floating IPs');
  });

  it('is the cloud’s own sentence when that has another form', () => {
    assert.equal(
      describeShortage(refusal('No more IP addresses available on network 7.')),
      'quota: No more IP addresses available on network 7.',
    );
  });

  it('is a host or calls per time, and is undefined for an error that waiting does not solve', () => {
    const noHost = new FactoryError('ServerFailed', 'instance 7 went to ERROR: No valid host was found.', {
      retryable: true,
    });
    assert.equal(describeShortage(noHost), 'a host with room: No valid host was found.');
    const limited = new FactoryError('RateLimited', 'x', { retryable: true, retryAfterSeconds: 7 });
    assert.equal(describeShortage(limited), 'the cloud to take more calls, in 7 s');
    assert.equal(describeShortage(refusal('no', 'Forbidden')), undefined);
    assert.equal(describeShortage(new Error('x')), undefined);
  });
});
