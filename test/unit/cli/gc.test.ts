import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CloudSweep, SweptResource } from '../../../src/domain/sweep-report.js';
import { parseSweepInput, formatSweep } from '../../../src/cli/commands/gc.js';
import { resolveSettings } from '../../../src/cli/config.js';
import { RecordingIo } from './recording-io.js';

const THING: SweptResource = {
  kind: 'instance',
  id: '1',
  name: 'imagefactory-customise-x',
  age: 90_000,
  outcome: 'removed',
  why: 'its build has ended',
};
const SWEEP: CloudSweep = { cloud: 'dev', resources: [], unnamed: 0, postponed: 0 };

function input(options: Record<string, unknown>, file: Parameters<typeof resolveSettings>[2] = {}) {
  return parseSweepInput({ io: new RecordingIo(), options, settings: resolveSettings(options, {}, file) }, false);
}

test('each removed resource has a line; the resources that stay are only counted', () => {
  const resources: SweptResource[] = [THING, { ...THING, id: '2', outcome: 'kept', why: 'younger than 24 h' }];
  assert.equal(
    formatSweep({ ...SWEEP, resources }, false),
    '         KIND      ID, NAME                    AGE   WHY\n' +
      'removed  instance  1 imagefactory-customise-x  25 h  its build has ended\n' +
      'dev: 1 removed, 1 stay\n',
  );
  assert.match(formatSweep({ ...SWEEP, resources }, true), /\nstays +instance +2 .* younger than 24 h\n/);
});

test('the last line counts the failed and the unnamed resources, and the builds that are left for the next sweep', () => {
  const resources: SweptResource[] = [{ ...THING, outcome: 'failed', age: null }];
  const text = formatSweep({ ...SWEEP, resources, unnamed: 7, postponed: 3 }, false);
  assert.match(text, /\nFAILED +instance .* \? /);
  assert.match(text, /\ndev: 1 FAILED, 7 stay, the resources of 3 builds are left for the next sweep\n$/);
});

test('a cloud that could not be swept is one line', () => {
  assert.equal(formatSweep({ ...SWEEP, failure: 'no such cloud' }, true), 'dev: could not be swept: no such cloud\n');
});

test('without options, the cloud is the one that base_image uses, and the limits are 1 day, 10 JEOS images and 30 days', () => {
  assert.deepEqual(input({}, { cloud: 'prod' }), {
    clouds: ['prod'],
    limits: { olderThan: 86_400, jeosKeep: 10, unusedFor: 2_592_000 },
    dryRun: false,
  });
});

test('--cloud may be given several times, and the configuration file may set how many JEOS images to keep', () => {
  const given = input({ cloud: ['a', 'b', 'a'], 'older-than': '2h', 'unused-for': '7d' }, { jeos_keep: 3 });
  assert.deepEqual(given.clouds, ['a', 'b']);
  assert.deepEqual(given.limits, { olderThan: 7200, jeosKeep: 3, unusedFor: 604_800 });
  assert.equal(input({ 'jeos-keep': '0' }, { jeos_keep: 3 }).limits.jeosKeep, 0);
});
