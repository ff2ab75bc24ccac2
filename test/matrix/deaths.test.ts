import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { TestWorkflowEnvironment } from '@temporalio/testing';
import { Bed } from '../support/bed.js';
import { Deaths, type Death, type Killer } from '../support/matrix/deaths.js';
import type { Lane } from '../support/matrix/lane.js';
import { Lanes } from '../support/matrix/lanes.js';
import { PLACES } from '../support/matrix/places.js';
import { Report, triesAt } from '../support/matrix/report.js';
import { TemporalProcess } from '../support/temporal-process.js';

/** Who dies how, at what moments of each place, in how many builds at once. */
interface Kind {
  name: string;
  part: string;
  moments: Death['moment'][];
  builds: number;
  killer: (lanes: Lanes, server: TemporalProcess) => Killer;
}

const KINDS: Kind[] = [
  {
    name: 'SIGKILL',
    part: 'sigkill',
    moments: ['before', 'during', 'after'],
    builds: 9,
    killer: (lanes) => async (release) => {
      await lanes.worker.kill();
      release('cut');
      await lanes.forgetWorker();
      await lanes.startWorker();
    },
  },
  {
    name: 'SIGTERM',
    part: 'sigterm',
    moments: ['during'],
    builds: 5,
    killer: (lanes) => async (release) => {
      const stopped = lanes.worker.stop();
      release('go');
      await stopped;
      await lanes.startWorker();
    },
  },
  {
    name: 'Temporal restart',
    part: 'temporal',
    moments: ['during'],
    builds: 5,
    killer: (_lanes, server) => async (release) => {
      await server.kill();
      release('go');
      await server.up();
    },
  },
];

/** What a column is called for each moment. */
function faultOf(kind: Kind, moment: Death['moment']): string {
  return kind.moments.length === 1 ? kind.name : `${kind.name} ${moment}`;
}

/** A record is written by one rename: it is killed before, or after. */
function deathsOf(kind: Kind): Death[] {
  return PLACES.flatMap((place) =>
    kind.moments
      .filter((moment) => place.document === undefined || kind.moments.length === 1 || moment !== 'during')
      .map((moment) => ({ place, moment })),
  );
}

for (const kind of KINDS) {
  const deaths = deathsOf(kind);
  const shares = Array.from({ length: kind.builds }, (_, nth) =>
    deaths.filter((_death, index) => index % kind.builds === nth),
  );

  describe(`a build through ${kind.name}`, () => {
    let server: TemporalProcess;
    let temporal: TestWorkflowEnvironment;
    let bed: Bed;
    let lanes: Lanes;
    let missed: string[][];
    let report: Report;
    before(
      async () => {
        report = new Report(kind.part);
        server = await TemporalProcess.start();
        temporal = await TestWorkflowEnvironment.createFromExistingServer({ address: server.address });
        bed = await Bed.start({ temporal, worker: false });
        lanes = await Lanes.start(bed, kind.builds);
        await lanes.startWorker();
        const places = await new Deaths(lanes.all, kind.killer(lanes, server)).run(shares);
        missed = places.map((list) => list.map(({ name }) => name));
      },
      { timeout: 600_000 },
    );
    after(async () => {
      await report?.save();
      await lanes?.close();
      await bed?.close();
      await temporal?.teardown();
      await server?.close();
    });

    shares.forEach((share, index) => {
      it(`is complete, with nothing made twice or left: ${share.map(({ place, moment }) => `${moment} ${place.name}`).join(', ')}`, async () => {
        const lane = lanes.all[index] as Lane;
        const failure = await lane.ended();
        const wrong = await verdict(lane, failure, missed[index] ?? []);
        const places = share.map(({ place }) => place);
        const tries = await triesAt(lane, places);
        report.add(
          share.map(({ place, moment }) => ({
            place: place.name,
            fault: faultOf(kind, moment),
            outcome: wrong === undefined ? 'built' : 'red',
            ...(wrong === undefined ? {} : { says: wrong }),
            tries: tries.get(place) ?? 0,
          })),
        );
        assert.equal(wrong, undefined);
      });
    });
  });
}

/** What is wrong with a build that should be complete. */
async function verdict(lane: Lane, failure: string | undefined, missed: string[]): Promise<string | undefined> {
  if (failure !== undefined) return failure;
  if (missed.length > 0) return `it never came to ${missed.join(', ')}`;
  return lane.checkBuilt().then(
    () => undefined,
    (error: Error) => error.message,
  );
}
