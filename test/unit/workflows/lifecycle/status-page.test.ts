import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { BuildStatus } from '../../../../src/domain/status.js';
import { renderStatusPage } from '../../../../src/workflows/lifecycle/status-page.js';

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
  it('shows phase, percent, every step with its time, and the resources of the build', () => {
    const page = renderStatusPage(STATUS);
    assert.match(page, /### web: BUILDING/);
    assert.match(page, /phase \*\*customise\*\* · 42 %/);
    assert.match(page, /\| ✓ \| plan \| check \\\| the template \| 1\.5\u00a0s \|/);
    assert.match(page, /\| ▶ \| customise \| wait for SSH \| since 01:00:00 \| two lines \|/);
    assert.match(page, /- address: `192\.0\.2\.7`/);
    assert.match(page, /workflow `jeos-here-abc`/);
  });

  it('shows what a waiting build waits for, and its place in the queue', () => {
    const waiting = { queueId: 'create_queue-p', since: 0 };
    const inLine = { ...waiting, position: 12, of: 40, reason: 'quota: instances 10/10' };
    assert.match(
      renderStatusPage({ ...STATUS, waiting: inLine }),
      /\*\*waiting in the queue: 12th of 40; the first waits for quota: instances 10\/10\*\* · workflow `create_queue-p`/,
    );
    const first = { ...waiting, reason: 'quota: instances 10/10' };
    assert.match(renderStatusPage({ ...STATUS, waiting: first }), /\*\*waiting for quota: instances 10\/10\*\*/);
    for (const [position, words] of Object.entries({ 1: '1st', 2: '2nd', 11: '11th', 23: '23rd', 112: '112th' })) {
      assert.match(
        renderStatusPage({ ...STATUS, waiting: { ...waiting, position: +position, of: 200 } }),
        RegExp(words),
      );
    }
  });

  it('shows why and until when a build is held, and which commands are possible', () => {
    const held = {
      step: 'command:1 tidy',
      message: 'exit 3',
      hint: 'correct it',
      since: 3_600_000,
      until: 90_000_000,
      next: 'run command tidy',
      skippable: true,
      hasGuest: true,
    };
    const page = renderStatusPage({ ...STATUS, held });
    assert.match(page, /\*\*Held since 01:00:00\*\*: command:1 tidy failed: exit 3/);
    assert.match(page, /until 1970-01-02 01:00/);
    for (const command of ['resume \\S+`', 'resume \\S+ --skip', 'abort \\S+`']) {
      assert.match(page, new RegExp(`- .imagefactory ${command}`));
    }
  });

  it('keeps the console text inside its code block', () => {
    const fences = renderStatusPage(STATUS).match(/^```/gm);
    assert.equal(fences?.length, 2);
  });

  it('shows the failure of a build, what to do, and the leftovers', () => {
    const page = renderStatusPage({
      ...STATUS,
      status: 'FAILED',
      failure: { type: 'CommandFailed', step: 'packages', message: 'exit 100', hint: 'correct it' },
      leftovers: ['instance s: 403'],
    });
    assert.match(page, /\*\*packages\*\*: exit 100/);
    assert.match(page, /What to do: correct it/);
    assert.match(page, /- instance s: 403/);
  });

  it('has the last hundred steps of a long build, and says how many there were before', () => {
    const step = { phase: 'customise', title: 'write a file', state: 'done', startedAt: 0, endedAt: 1 } as const;
    const steps = Array.from({ length: 250 }, (_none, index) => ({ ...step, name: `file:${index}` }));
    const page = renderStatusPage({ ...STATUS, steps });
    assert.equal(page.match(/write a file/g)?.length, 100);
    assert.match(page, /\| 150 earlier steps \|/);
  });
});
