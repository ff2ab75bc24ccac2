import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { Space, type SpaceClaim } from '../../../src/store/space.js';
import { giveLeasesAway } from '../../support/dead-owners.js';

const MIB = 1024 ** 2;

describe('the space of a file system', () => {
  let root: string;
  let store: string;
  let space: Space;
  let claims: SpaceClaim[];
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'space-'));
    store = join(root, 'store');
    space = new Space([store, join(root, 'cache')]);
    claims = [];
  });
  afterEach(async () => {
    await Promise.all(claims.map((claim) => claim.release()));
    rmSync(root, { recursive: true, force: true });
  });

  async function claim(bytes: number, name = 'work', folder = store): Promise<SpaceClaim> {
    const made = await space.claim(folder, join(folder, name), bytes);
    claims.push(made);
    return made;
  }

  /** A share of the space that is free now. Others may write to the same file system during the test. */
  async function shareOfFree(share: number): Promise<number> {
    const { bavail, bsize } = await statfs(root);
    return Math.floor(bavail * bsize * share);
  }

  it('is given as long as there is enough', async () => {
    const one = await claim(await shareOfFree(0.3));
    const two = await claim(await shareOfFree(0.3));
    assert.equal(await one.findShortage(), undefined);
    assert.equal(await two.findShortage(), undefined);
  });

  it('is not given twice, and the answer tells what others were promised', async () => {
    const bytes = await shareOfFree(0.6);
    const one = await claim(bytes);
    assert.equal(await one.findShortage(), undefined);
    const two = await claim(bytes, 'other', join(root, 'cache'));
    const shortage = await two.findShortage();
    assert.equal(shortage?.claims, 1);
    assert.equal(shortage?.promised, bytes);
    assert.equal(shortage?.needed, bytes);
    await one.release();
    assert.equal(await two.findShortage(), undefined);
  });

  it('is given in the order of the requests', async () => {
    const large = await claim(await shareOfFree(2));
    const small = await claim(MIB);
    assert.equal((await large.findShortage())?.claims, 0);
    assert.equal((await small.findShortage())?.claims, 1);
    await large.release();
    assert.equal(await small.findShortage(), undefined);
  });

  it('that was used counts no more as promised', async () => {
    const one = await claim(8 * MIB);
    assert.equal(await one.findShortage(), undefined);
    mkdirSync(join(store, 'work'));
    writeFileSync(join(store, 'work', 'file'), Buffer.alloc(5 * MIB, 1));
    const shortage = await (await claim(await shareOfFree(2))).findShortage();
    assert.ok((shortage?.promised ?? 0) <= 3 * MIB, `${shortage?.promised} bytes`);
  });

  it('is given to one of two that ask at the same moment', async () => {
    const bytes = await shareOfFree(0.6);
    const both = await Promise.all([claim(bytes), claim(bytes)]);
    const shortages = await Promise.all(both.map((each) => each.findShortage()));
    assert.equal(shortages.filter((shortage) => shortage === undefined).length, 1);
  });

  it('of a killed process is free again, without what it has written', async () => {
    const bytes = await shareOfFree(0.6);
    assert.equal(await (await claim(bytes)).findShortage(), undefined);
    mkdirSync(join(store, 'work'));
    writeFileSync(join(store, 'work', 'half'), 'half');
    await giveLeasesAway(join(store, 'space'), 'here');
    assert.equal(await (await claim(bytes, 'other')).findShortage(), undefined);
    assert.equal(existsSync(join(store, 'work')), false);
  });

  it('leaves no files of claims that have ended', async () => {
    await (await claim(MIB)).release();
    assert.deepEqual(readdirSync(join(store, 'space')), []);
  });
});
