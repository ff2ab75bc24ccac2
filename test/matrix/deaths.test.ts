import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { TestWorkflowEnvironment } from '@temporalio/testing';
import { TestEnv } from '../support/bed.js';
import { divide, distribute } from '../support/matrix/deal.js';
import { CrashRun, type Crash, type CrashTrigger, type Share } from '../support/matrix/deaths.js';
import { ON_VOLUMES, type MatrixSlot } from '../support/matrix/lane.js';
import { MatrixSlots } from '../support/matrix/lanes.js';
import { FAULT_POINTS, VOLUME_FAULT_POINTS, type FaultPoint } from '../support/matrix/places.js';
import { Report, triesAt } from '../support/matrix/report.js';
import { TemporalProcess } from '../support/temporal-process.js';

/** Who dies how, at what moments of each place, in how many builds at once. */
interface Kind {
  name: string;
  part: string;
  moments: Crash['moment'][];
  /** How many share the places, and how many those of volumes. */
  builds: number;
  onVolumes: number;
  share: (deaths: Crash[], builds: number) => Crash[][];
  killer: (lanes: MatrixSlots, server: TemporalProcess) => CrashTrigger;
}

const KINDS: Kind[] = [
  {
    name: 'SIGKILL',
    part: 'sigkill',
    moments: ['before', 'during', 'after'],
    builds: 9,
    // A moment each: a place whose call is not the first of its kind is come to once.
    onVolumes: 3,
    // Builds that stood in the same step would hold all its slots (a worker has four for what moves bytes), and those that have
    // to go through it first would wait for them until the held calls are given up.
    share: divide,
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
    onVolumes: 1,
    // Far from each other: a build that came to its next place while the worker ends would keep it for all its grace.
    share: distribute,
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
    onVolumes: 1,
    share: distribute,
    killer: (_lanes, server) => async (release) => {
      await server.kill();
      release('go');
      await server.up();
    },
  },
];

/** What a column is called for each moment. */
function faultOf(kind: Kind, moment: Crash['moment']): string {
  return kind.moments.length === 1 ? kind.name : `${kind.name} ${moment}`;
}

/** A record is written by one rename: it is killed before, or after. */
function deathsOf(kind: Kind, places: FaultPoint[]): Crash[] {
  return kind.moments.flatMap((moment) =>
    places
      .filter(({ document }) => document === undefined || kind.moments.length === 1 || moment !== 'during')
      .map((place) => ({ place, moment })),
  );
}

for (const kind of KINDS) {
  const shares: Share[] = [
    ...kind.share(deathsOf(kind, FAULT_POINTS), kind.builds).map((deaths) => ({ deaths })),
    ...kind.share(deathsOf(kind, VOLUME_FAULT_POINTS), kind.onVolumes).map((deaths) => ({ deaths, build: ON_VOLUMES })),
  ];

  describe(`a build through ${kind.name}`, () => {
    let server: TemporalProcess;
    let temporal: TestWorkflowEnvironment;
    let bed: TestEnv;
    let lanes: MatrixSlots;
    let missed: string[][];
    let report: Report;
    before(
      async () => {
        report = new Report(kind.part);
        server = await TemporalProcess.start();
        temporal = await TestWorkflowEnvironment.createFromExistingServer({ address: server.address });
        bed = await TestEnv.start({ temporal, worker: false });
        lanes = await MatrixSlots.start(bed, shares.length);
        await lanes.startWorker();
        const places = await new CrashRun(lanes.all, kind.killer(lanes, server)).run(shares);
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

    shares.forEach(({ deaths }, index) => {
      it(`is complete, with nothing made twice or left: ${deaths.map(({ place, moment }) => `${moment} ${place.name}`).join(', ')}`, async () => {
        const lane = lanes.all[index] as MatrixSlot;
        const failure = await lane.ended();
        const wrong = await verdict(lane, failure, missed[index] ?? []);
        const places = deaths.map(({ place }) => place);
        const tries = await triesAt(lane, places);
        report.add(
          deaths.map(({ place, moment }) => ({
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
async function verdict(lane: MatrixSlot, failure: string | undefined, missed: string[]): Promise<string | undefined> {
  if (failure !== undefined) return failure;
  if (missed.length > 0) return `it never came to ${missed.join(', ')}`;
  return lane.checkBuilt().then(
    () => undefined,
    (error: Error) => error.message,
  );
}
