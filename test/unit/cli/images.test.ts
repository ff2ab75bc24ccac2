import assert from 'node:assert/strict';
import { describe, it, test } from 'node:test';
import type { BuildStatus } from '../../../src/domain/status.js';
import { formatImages } from '../../../src/cli/commands/images.js';
import { addProgress, type ImageRecord } from '../../../src/client/images.js';
import type { BuildProgress } from '../../../src/client/follow.js';

const record: ImageRecord = {
  identifier: 'u',
  status: 'BUILDING',
  percent_complete: 0,
  status_detail: { activity: '', error: null },
};

function progressWith(execution: string, status?: Partial<BuildStatus>): BuildProgress {
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
  const progress = { uuid: 'u', workflowId: 'w', execution, activities: [], at: 1, startedAt: 0 };
  return status === undefined ? progress : { ...progress, status: known };
}

test('the record of a running build gets the current percent and step', () => {
  const now = addProgress(record, progressWith('RUNNING', {}));
  assert.equal(now['percent_complete'], 40);
  assert.deepEqual(now['status_detail'], { activity: 'run command 1', error: null });
});

test('a record whose workflow was terminated is not BUILDING for ever', () => {
  assert.equal(addProgress(record, progressWith('TERMINATED', {}))['status'], 'FAILED');
  assert.equal(addProgress(record, progressWith('TERMINATED'))['status'], 'FAILED');
});

test('a record stays unchanged while the build has no status', () => {
  assert.deepEqual(addProgress(record, progressWith('RUNNING')), record);
});

test('a failed image is shown with its error, and not as a success', () => {
  const failed: ImageRecord = {
    ...record,
    status: 'FAILED',
    status_detail: { activity: '', error: 'plan: there is no flavor 2' },
  };
  assert.equal(
    formatImages([failed]),
    '\nUUID: u\nType: base_image\nStatus: FAILED\nImage build FAILED with error: plan: there is no flavor 2\n',
  );
});

test('no text of a failed image’s record adds a line or controls the terminal', () => {
  const error = 'command:1: exit status 1\nImage build completed SUCCESSFULLY!\u001b[2A\u001b]0;t\u0007';
  const [failed, running] = (['FAILED', 'BUILDING'] as const).map((status): ImageRecord => {
    return { ...record, status, status_detail: { activity: `a\r\nUUID: ${error}`, error } };
  });
  assert.equal(
    formatImages([failed as ImageRecord]),
    '\nUUID: u\nType: base_image\nStatus: FAILED\n' +
      'Image build FAILED with error: command:1: exit status 1 Image build completed SUCCESSFULLY!\n',
  );
  assert.match(
    formatImages([running as ImageRecord]),
    /\nActivity: a UUID: command:1: exit status 1 Image build .*!\n$/,
  );
  const name = 'x\nb  COMPLETE';
  assert.equal(formatImages([{ ...record, name }, record]).split('\n').length, 4);
});

test('an image without a file says so behind the lines of the original imagefactory', () => {
  const complete: ImageRecord = { ...record, status: 'COMPLETE', data: '/s/u.body', downloaded: false };
  assert.match(
    formatImages([complete]),
    /\nImage filename: \/s\/u\.body\nImage build completed SUCCESSFULLY!\nImage file: none; .*download True/,
  );
  assert.doesNotMatch(formatImages([{ ...complete, downloaded: true }]), /Image file:/);
});

describe('the table of several images', () => {
  const glanceId = '593bf20d-6dc9-4cab-ab5a-7f05ba24050e';
  const image = (name: string): ImageRecord => ({
    ...record,
    identifier: 'ca01c180-9025-4615-87fb-6343f596588b',
    status: 'COMPLETE',
    name,
    os: { name: 'Debian', version: '12', arch: 'x86_64' },
    created_at: '2026-11-30T10:20:30.000Z',
    glance_id: glanceId,
  });
  const found = [image('a-template-whose-name-is-rather-long'), image('short')];

  it('fits a terminal of 80 columns, with whole UUIDs', () => {
    const lines = formatImages(found, 80).trimEnd().split('\n');
    assert.equal(Math.max(...lines.map((line) => line.length)), 80);
    for (const line of lines.slice(1)) assert.match(line, /^ca01c180-9025-4615-87fb-6343f596588b  COMPLETE  /);
    assert.match(lines[1] ?? '', / a-template-wh…  2026-11-30 10:20$/);
  });

  it('has the Glance ids and then the systems as soon as the terminal is wide enough', () => {
    for (const [columns, hasGlanceId, hasSystem] of [
      [115, false, false],
      [116, true, false],
      [133, true, false],
      [134, true, true],
    ] as const) {
      // prettier-ignore
      const table = formatImages(found, columns);
      assert.equal(table.includes(glanceId), hasGlanceId, `Glance id at ${columns} columns`);
      assert.equal(table.includes('Debian 12 x86_64'), hasSystem, `system at ${columns} columns`);
      assert.ok(Math.max(...table.split('\n').map((line) => line.length)) <= columns, `width at ${columns} columns`);
    }
  });

  it('is whole when it is not for a terminal', () => {
    const table = formatImages(found);
    for (const text of ['a-template-whose-name-is-rather-long', 'Debian 12 x86_64', glanceId])
      assert.ok(table.includes(text), text);
  });
});
