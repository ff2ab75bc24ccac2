import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { choosePowerButtonTime } from '../../../../src/activities/guest/shut-down-guest.js';

describe('Nova’s power button, for a guest that does not shut down', () => {
  const now = 1_000_000;
  const after = (wait: number): number => (choosePowerButtonTime(now, now + wait * 1000) - now) / 1000;

  it('is pressed two minutes before the deadline, so that Nova can still switch the instance off', () => {
    assert.equal(after(300), 180);
    assert.equal(after(400), 280);
  });

  it('is never pressed before the guest has had two minutes, nor later than after five', () => {
    assert.equal(after(60), 120);
    assert.equal(after(3600), 300);
  });
});
