import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { BuildStatus } from '../../../src/build/status.js';
import { currentDetails } from '../../../src/workflows/details.js';

const STATUS: BuildStatus = {
  uuid: 'u',
  type: 'base_image',
  status: 'BUILDING',
  phase: 'customise',
  percent: 42,
  name: 'web',
  os: 'Debian 12 x86_64',
  cloud: 'here',
  startedAt: 0,
  jeosWorkflowId: 'jeos-here-abc',
  steps: [
    { name: 'plan', phase: 'plan', title: 'check | the template', state: 'done', startedAt: 0, endedAt: 1500 },
    {
      name: 'ssh',
      phase: 'customise',
      title: 'wait for SSH',
      state: 'running',
      startedAt: 3_600_000,
      note: 'two\nlines',
    },
  ],
  resources: { customise: 'server-1', address: '192.0.2.7' },
  consoleTail: 'login:\n```',
};

describe('a build’s page in the UI', () => {
  it('shows phase, percent, every step with its time, and what the build has', () => {
    const page = currentDetails(STATUS);
    assert.match(page, /### web: BUILDING/);
    assert.match(page, /phase \*\*customise\*\* · 42 %/);
    assert.match(page, /\| ✓ \| plan \| check \\\| the template \| 1\.5 s \|/);
    assert.match(page, /\| ▶ \| customise \| wait for SSH \| since 01:00:00 \| two lines \|/);
    assert.match(page, /- address: `192\.0\.2\.7`/);
    assert.match(page, /workflow `jeos-here-abc`/);
  });

  it('keeps a console inside its fence', () => {
    const fences = currentDetails(STATUS).match(/^```/gm);
    assert.equal(fences?.length, 2);
  });

  it('says why it failed, what to do, and what was left', () => {
    const page = currentDetails({
      ...STATUS,
      status: 'FAILED',
      failure: { type: 'CommandFailed', step: 'packages', message: 'exit 100', hint: 'correct it' },
      leftovers: ['instance s: 403'],
    });
    assert.match(page, /\*\*packages\*\*: exit 100/);
    assert.match(page, /What to do: correct it/);
    assert.match(page, /- instance s: 403/);
  });
});
