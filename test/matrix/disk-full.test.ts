import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, open, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { TestEnv } from '../support/bed.js';
import { FaultInjector } from '../support/matrix/ambush.js';
import { MatrixSlots } from '../support/matrix/lanes.js';
import { FAULT_POINTS, type FaultPoint } from '../support/matrix/places.js';
import { Report, triesAt } from '../support/matrix/report.js';

const run = promisify(execFile);
/** Milliseconds after which somebody has made room. */
const FULL_FOR = 1500;
/** The shutdown of the root-only sandbox that guests run in needs the same rights. */
const mayMount = process.platform === 'linux' && process.getuid?.() === 0;
const PLACES_THAT_WRITE = FAULT_POINTS.filter(({ writes }) => writes === true);

/** Takes every block that is left. */
async function fill(directory: string): Promise<void> {
  const file = await open(join(directory, 'filler'), 'w');
  try {
    const block = Buffer.alloc(4096);
    for (;;) {
      const { bytesWritten } = await file.write(block);
      if (bytesWritten === 0) return;
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
  } finally {
    await file.close();
  }
}

describe('a build whose worker’s disk is full for a while', { skip: !mayMount }, () => {
  let bed: TestEnv;
  let lanes: MatrixSlots;
  const report = new Report('disk-full');
  before(async () => {
    bed = await TestEnv.start({ worker: false });
    await run('mount', ['-t', 'tmpfs', '-o', 'size=8m,mode=700', 'imagefactory-test', bed.storage]);
    await mkdir(join(bed.storage, 'cache'), { recursive: true });
    lanes = await MatrixSlots.start(bed, 1);
    await lanes.startWorker();
  });
  after(async () => {
    await report.save();
    await lanes?.close();
    if (bed !== undefined) await run('umount', ['-l', bed.storage]);
    await bed?.close();
  });

  /** Fills the disk when the build comes to the place. */
  async function go(place: FaultPoint): Promise<string | undefined> {
    const [lane] = lanes.all;
    assert.ok(lane !== undefined);
    const strike = async (): Promise<undefined> => {
      await fill(bed.storage);
      setTimeout(() => void rm(join(bed.storage, 'filler'), { force: true }), FULL_FOR);
      assert.equal((await statfs(bed.storage)).bavail, 0);
      return undefined;
    };
    const on = place.document !== undefined ? 'reading' : place.medium === true ? 'medium' : 'call';
    const ambush = new FaultInjector(lane, [{ place, blow: { on, strike } }]);
    await lane.begin();
    const failure = await lane.ended();
    ambush.disarm();
    if (failure !== undefined) return failure;
    if (ambush.missed.length > 0) return 'it never came to pass';
    return lane.checkBuilt().then(
      () => undefined,
      (error: Error) => error.message,
    );
  }

  for (const place of PLACES_THAT_WRITE) {
    it(`is complete when there is room again: ${place.name}`, async () => {
      const wrong = await go(place);
      const [lane] = lanes.all;
      assert.ok(lane !== undefined);
      const tries = (await triesAt(lane, [place])).get(place) ?? 0;
      const outcome = wrong === undefined ? ('built' as const) : ('red' as const);
      const says = wrong === undefined ? {} : { says: wrong };
      report.add([{ place: place.name, fault: 'disk full', outcome, tries, ...says }]);
      assert.equal(wrong, undefined);
    });
  }
});
