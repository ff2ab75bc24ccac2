import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { type Lease, Leases } from '../../../src/store/leases.js';
import { giveLeasesAway } from '../../support/dead-owners.js';

describe('a lease', () => {
  let folder: string;
  let leases: Leases<string>;
  let ended: string[];
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'leases-'));
    ended = [];
    leases = new Leases(folder, async (data) => void ended.push(data));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const list = async (): Promise<string[]> => (await leases.list()).map(({ data }) => data);

  it('is seen by others until it is released', async () => {
    const lease = await leases.take('a');
    assert.deepEqual(await list(), ['a']);
    await lease.update('b');
    assert.deepEqual(await list(), ['b']);
    await lease.release();
    assert.deepEqual(await list(), []);
    assert.deepEqual(readdirSync(folder), []);
  });

  it('of a killed process of this machine ends at once', async () => {
    const lease = await leases.take('a');
    await giveLeasesAway(folder, 'here');
    assert.deepEqual(await list(), []);
    assert.deepEqual(ended, ['a']);
    assert.equal(await lease.isHeld(), false);
    await lease.release();
  });

  it('of another machine ends when it was not renewed for two minutes', async () => {
    const lease = await leases.take('a');
    await giveLeasesAway(folder, 'elsewhere', 60);
    assert.deepEqual(await list(), ['a']);
    assert.equal(await lease.isHeld(), true);
    await giveLeasesAway(folder, 'elsewhere', 121);
    assert.deepEqual(await list(), []);
    await lease.release();
  });

  it('that is exclusive is given to one of many that ask at once', async () => {
    const taken = await Promise.all(Array.from({ length: 20 }, (_, index) => leases.takeExclusive('one', `${index}`)));
    const [lease, ...more] = taken.filter((each) => each !== undefined);
    assert.equal(more.length, 0);
    assert.deepEqual(await list(), [lease?.data]);
    await lease?.release();
    assert.ok(await leases.takeExclusive('one', 'next').then((next) => next?.release().then(() => true)));
  });

  it('that is exclusive can be taken from a killed process', async () => {
    const dead = await leases.takeExclusive('one', 'a');
    await giveLeasesAway(folder, 'here');
    const lease = await leases.takeExclusive('one', 'b');
    assert.deepEqual(await list(), ['b']);
    assert.deepEqual(ended, ['a']);
    await Promise.all([dead?.release(), lease?.release()]);
  });

  it('that has ended is not taken by two: the later one does not remove the new lease of the other', async () => {
    const dead = await leases.takeExclusive('one', 'dead');
    await giveLeasesAway(folder, 'elsewhere', 121);
    let first: Lease<string> | undefined;
    // Another process takes the lease after this one has read that it has ended.
    const late = new Leases<string>(folder, async () => void (first ??= await leases.takeExclusive('one', 'first')));
    assert.equal(await late.takeExclusive('one', 'late'), undefined);
    assert.equal(await first?.isHeld(), true);
    assert.equal(await dead?.isHeld(), false);
    await dead?.update('again');
    await dead?.release();
    assert.deepEqual(await list(), ['first']);
    await first?.release();
    assert.deepEqual(readdirSync(folder), []);
  });
});
