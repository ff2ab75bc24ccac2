import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { BuildStatus } from '../../../src/domain/status.js';
import { imagesDocument, imagesText } from '../../../src/cli/commands/images.js';
import { addRunningBuilds } from '../../../src/client/images.js';
import type { Observation } from '../../../src/client/watch.js';

const record = {
  identifier: 'u',
  status: 'BUILDING',
  percent_complete: 0,
  status_detail: { activity: '', error: null },
};

function seenWith(execution: string, status?: Partial<BuildStatus>): Observation {
  const known: BuildStatus = {
    uuid: 'u',
    type: 'base_image',
    status: 'BUILDING',
    phase: 'customise',
    percent: 40,
    name: 't',
    os: 'Debian 12 x86_64',
    cloud: 'c',
    steps: [{ name: 's', phase: 'customise', title: 'run command 1', state: 'running', startedAt: 0 }],
    startedAt: 0,
    resources: {},
    ...status,
  };
  const seen = { uuid: 'u', workflowId: 'w', execution, activities: [], at: 1, startedAt: 0 };
  return status === undefined ? seen : { ...seen, status: known };
}

test('a running build’s record gets the percent and the step of now', () => {
  const now = addRunningBuilds(record, seenWith('RUNNING', {}));
  assert.equal(now['percent_complete'], 40);
  assert.deepEqual(now['status_detail'], { activity: 'run command 1', error: null });
});

test('a record whose workflow was terminated is not BUILDING for ever', () => {
  assert.equal(addRunningBuilds(record, seenWith('TERMINATED', {}))['status'], 'FAILED');
  assert.equal(addRunningBuilds(record, seenWith('TERMINATED'))['status'], 'FAILED');
});

test('a record stays as it is while nobody can say more', () => {
  assert.deepEqual(addRunningBuilds(record, seenWith('RUNNING')), record);
});

test('a failed image is shown with its error, and not as a success', () => {
  const failed = { ...record, status: 'FAILED', status_detail: { activity: '', error: 'plan: there is no flavor 2' } };
  assert.equal(
    imagesText([failed]),
    '\nUUID: u\nType: base_image\nStatus: FAILED\nImage build FAILED with error: plan: there is no flavor 2\n',
  );
});

test('the JSON of images has imagefactory’s three shapes', () => {
  assert.deepEqual(imagesDocument([]), {});
  assert.deepEqual(imagesDocument([record]), record);
  assert.deepEqual(imagesDocument([record, record]), { images: [record, record] });
});
