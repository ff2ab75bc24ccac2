import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { findLocalAddress } from '../../../../src/activities/instance/security-group.js';

describe('the address under which a guest sees its worker', () => {
  it('is that of the route to the guest', async () => {
    assert.equal(await findLocalAddress('127.0.0.1'), '127.0.0.1');
  });

  it('is an error, not another address, when there is no route to the guest', async () => {
    await assert.rejects(findLocalAddress('255.255.255.255'), {
      type: 'GuestUnreachable',
      retryable: true,
      message: /^there is no route to 255\.255\.255\.255: connect/,
    });
  });
});
