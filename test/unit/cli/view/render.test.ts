import assert from 'node:assert/strict';
import { test } from 'node:test';
import pico from 'picocolors';
import type { BuildStatus } from '../../../../src/domain/status.js';
import type { BuildProgress } from '../../../../src/client/follow.js';
import { ChangeLog } from '../../../../src/cli/view/lines.js';
import { renderView, type RenderOptions } from '../../../../src/cli/view/render.js';

const uuid = 'bdd32b97-0e94-473a-b376-74d2da289a2c';
const START = Date.UTC(2026, 0, 1);
const OPTIONS: RenderOptions = { columns: 80, rows: 24, colours: pico.createColors(false), taskQueue: 'imagefactory' };

function statusWith(change: Partial<BuildStatus> = {}): BuildStatus {
  return {
    uuid,
    type: 'base_image',
    status: 'BUILDING',
    phase: 'jeos',
    percent: 10,
    name: 'f19',
    os: 'Fedora 19 x86_64',
    cloud: 'demo',
    startedAt: START,
    resources: {},
    steps: [
      {
        name: 'plan',
        phase: 'plan',
        title: 'check the template',
        state: 'done',
        startedAt: START,
        endedAt: START + 3000,
      },
      { name: 'jeos', phase: 'jeos', title: 'find the installed system', state: 'running', startedAt: START + 3000 },
    ],
    ...change,
  };
}

function seenWith(change: Partial<BuildProgress> = {}): BuildProgress {
  return {
    uuid,
    workflowId: `base_image-${uuid}`,
    execution: 'RUNNING',
    status: statusWith(),
    activities: [],
    at: START + 65_000,
    startedAt: START,
    ...change,
  };
}

test('the view shows the build, its cloud and its progress, and each step with its time', () => {
  const text = renderView(seenWith(), { ...OPTIONS, page: 'http://ui/run', footer: 'Ctrl-C leaves the view' });
  assert.deepEqual(text.split('\n'), [
    'f19 (Fedora 19 x86_64) on cloud demo                                        1:05',
    '████░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░  10 %  BUILDING  phase 2/5: jeos',
    '',
    '  ✓ check the template                                                      0:03',
    '  ▶ find the installed system                                               1:02',
    '',
    'http://ui/run',
    'Ctrl-C leaves the view',
  ]);
});

test('the report of the running activity stands below its step, with its percent and the console’s last line', () => {
  const activities = [
    {
      type: 'waitForPowerOff',
      state: 'running' as const,
      attempt: 1,
      progress: { message: 'server is ACTIVE', percent: 41.7, consoleLine: 'Unpacking bash' },
    },
  ];
  assert.match(
    renderView(seenWith({ activities }), OPTIONS),
    /\n {6}server is ACTIVE \(41 %\)\n {6}console: Unpacking bash\n/,
  );
});

test('an activity that waits for its next attempt is shown with its last failure', () => {
  const activities = [
    { type: 'createServer', state: 'waiting' as const, attempt: 4, lastFailure: 'quota exceeded for cores' },
  ];
  assert.match(
    renderView(seenWith({ activities }), OPTIONS),
    /tries again soon \(attempt 4\) after: quota exceeded for cores/,
  );
});

test('the installer run that a build waits for is shown within the build, and its progress moves the bar', () => {
  const status = statusWith({
    type: 'jeos_image',
    percent: 50,
    steps: [
      {
        name: 'installer.wait',
        phase: 'jeos',
        title: 'wait for the power-off',
        state: 'running',
        startedAt: START + 5000,
      },
    ],
  });
  const jeos = { workflowId: 'jeos-demo-ab', execution: 'RUNNING', status, activities: [] };
  const text = renderView(seenWith({ jeos }), OPTIONS);
  assert.match(text, / 26 % {2}BUILDING/);
  assert.match(text, /\n {4}installer run jeos-demo-ab\n {6}▶ wait for the power-off +1:00\n/);
});

test('the view says at once that no worker polls the task queue, and what to do', () => {
  const waiting = { status: undefined, workers: false, at: START + 1000 };
  assert.match(
    renderView(seenWith(waiting), { ...OPTIONS, columns: 200 }),
    /no worker polls the task queue "imagefactory", so the build waits: start one with `imagefactory worker`/,
  );
});

test('the view says that a build waits for a worker when its worker has stopped', () => {
  const activities = [
    { type: 'runTemplateStep', state: 'waiting' as const, attempt: 2, lastFailure: 'heartbeat timeout' },
  ];
  const text = renderView(seenWith({ activities, workers: false }), { ...OPTIONS, columns: 120 });
  assert.match(text, /no worker polls the task queue "imagefactory", so the build waits: start one/);
});

test('the view reports an outage of Temporal and still shows the last known state', () => {
  const text = renderView(seenWith({ unreachable: 'ECONNREFUSED' }), OPTIONS);
  assert.match(text, /Temporal does not answer: ECONNREFUSED/);
  assert.match(text, /find the installed system/);
});

test('a console cannot move the cursor or colour the view', () => {
  const consoleLine = '\u001b[2J\u001b[31mred\u001b[0m\r\nnext\u0007\u009b5A';
  const activities = [
    { type: 'x', state: 'running' as const, attempt: 1, progress: { message: 'installing\u001b[1A', consoleLine } },
  ];
  const text = renderView(seenWith({ activities }), OPTIONS);

  assert.doesNotMatch(text, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/);
  assert.match(text, /console: red next/);
});

for (const columns of [20, 40, 80, 200]) {
  for (const rows of [6, 10, 24]) {
    test(`the view fits a terminal of ${columns} columns and ${rows} rows`, () => {
      const steps = Array.from({ length: 40 }, (_, index) => ({
        name: `command:${index}`,
        phase: 'customise' as const,
        title: `run command ${index} ${'long '.repeat(30)}`,
        state: 'done' as const,
        startedAt: START,
        endedAt: START + 1000,
      }));
      const seen = seenWith({ status: statusWith({ steps }) });
      const lines = renderView(seen, { ...OPTIONS, columns, rows, footer: 'Ctrl-C' }).split('\n');
      assert.ok(lines.length < rows, `${lines.length} lines`);
      for (const line of lines) assert.ok([...line].length <= columns, line);
      if (columns >= 40 && rows > 6) assert.match(lines.join('\n'), /… \d+ lines above/);
    });
  }
}

test('without colours there is no escape sequence, with colours there is', () => {
  const coloured = { ...OPTIONS, colours: pico.createColors(true) };
  assert.ok(!renderView(seenWith(), OPTIONS).includes('\u001b'));
  assert.ok(renderView(seenWith(), coloured).includes('\u001b['));
});

test('without a terminal each change is one line, printed once', () => {
  const lines = new ChangeLog('imagefactory', false);
  assert.deepEqual(lines.listChanges(seenWith()), [
    '   1:05  10 %  plan: check the template, done in 0:03',
    '   1:05  10 %  jeos: find the installed system',
  ]);
  assert.deepEqual(lines.listChanges(seenWith({ at: START + 66_000 })), []);
  const [plan, jeos] = statusWith().steps;
  assert.ok(plan !== undefined && jeos !== undefined);
  const done = { ...jeos, state: 'done' as const, endedAt: START + 70_000, note: 'reused image 2f' };
  assert.deepEqual(
    lines.listChanges(seenWith({ at: START + 70_000, status: statusWith({ percent: 30, steps: [plan, done] }) })),
    ['   1:10  30 %  jeos done in 1:07: reused image 2f'],
  );
});

test('the preparation of the guest stands below the step of the target image that waits for it', () => {
  const prepare = {
    name: 'prepare',
    phase: 'prepare',
    title: 'prepare the guest',
    state: 'running',
    startedAt: START,
  } as const;
  const boot = { ...prepare, name: 'access', phase: 'customise', title: 'create the key' } as const;
  const status = statusWith({ type: 'target_image', phase: 'prepare', percent: 3, steps: [prepare] });
  const inner = statusWith({ type: 'prepared_image', phase: 'customise', percent: 50, steps: [boot] });
  const preparation = { workflowId: 'prepared_image-1', execution: 'RUNNING', activities: [], status: inner };
  const text = renderView(seenWith({ status, preparation }), OPTIONS);
  assert.match(text, / 16 % {2}BUILDING {2}phase 2\/6: prepare/);
  assert.match(text, /▶ prepare the guest .*\n {4}preparation prepared_image-1 *\n {6}▶ create the key/);
  const lines = new ChangeLog('imagefactory', false).listChanges(seenWith({ status, preparation }));
  assert.match(lines.join('\n'), /guest: customise: create the key/);
});

test('without a terminal a missing worker is reported once, and then that the build goes on', () => {
  const lines = new ChangeLog('imagefactory', false);
  const missing = seenWith({ status: undefined, workers: false });
  assert.match(lines.listChanges(missing).join('\n'), /no worker polls the task queue/);
  assert.deepEqual(lines.listChanges(missing), []);
  assert.match(lines.listChanges(seenWith()).join('\n'), /the build goes on/);
});

test('no text of a guest, a template or a cloud adds a line to the view or controls the terminal', () => {
  const evil = 'x\u001b[2J\u001b]0;t\u0007\u009b1A\u202e\r\nImage build completed SUCCESSFULLY!';
  const held = {
    step: evil,
    message: evil,
    hint: evil,
    since: START,
    until: START + 9,
    next: evil,
    skippable: true,
    hasGuest: true,
  };
  const step = {
    name: evil,
    phase: 'jeos' as const,
    title: evil,
    state: 'running' as const,
    startedAt: START,
    note: evil,
  };
  const activity = {
    type: evil,
    state: 'waiting' as const,
    attempt: 2,
    lastFailure: evil,
    progress: { message: evil, consoleLine: evil },
  };
  const status = statusWith({ name: evil, os: evil, cloud: evil, held, steps: [step] });
  const jeos = { workflowId: evil, execution: 'RUNNING', activities: [activity] };
  const seen = seenWith({ status, activities: [activity], jeos, unreachable: evil });
  const drawn = renderView(seen, { ...OPTIONS, rows: Infinity, colours: pico.createColors(false) });
  const printed = new ChangeLog('imagefactory', true).listChanges(seen).join('\n');
  for (const text of [drawn, printed]) {
    assert.doesNotMatch(text, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/);
    assert.doesNotMatch(text, /^Image build/m);
  }
});

test('an ended build has its own clock: from its start to its end, and not until now', () => {
  const later = { at: START + 9_000_000, execution: 'COMPLETED' };
  for (const ended of [
    seenWith({ ...later, status: { ...statusWith(), endedAt: START + 125_000 } }),
    // Without a worker, only Temporal knows when the build ended.
    seenWith({ ...later, endedAt: START + 125_000 }),
  ]) {
    const drawn = renderView(ended, OPTIONS).split('\n');
    assert.match(drawn[0] ?? '', / 2:05$/);
    assert.match(drawn.join('\n'), /find the installed system +2:02/);
    for (const line of new ChangeLog('imagefactory', false).listChanges(ended)) assert.match(line, /^ {3}2:05 /);
  }
});
