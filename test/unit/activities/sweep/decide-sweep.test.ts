import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { decideSweep } from '../../../../src/activities/sweep/decide-sweep.js';
import { formatDuration, type FoundResource, type SweepFacts, type SweepPlan } from '../../../../src/domain/sweep.js';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const NOW = Date.parse('2026-03-04T12:00:00Z');

function resource(id: string, more: Partial<FoundResource> = {}): FoundResource {
  return { kind: 'instance', id, name: id, build: 'b', workflows: ['base_image-b'], created: NOW - 2 * DAY, ...more };
}

function jeos(id: string, lastUsedDaysAgo: number, more: Partial<FoundResource> = {}): FoundResource {
  const used = NOW - lastUsedDaysAgo * DAY;
  return resource(id, {
    kind: 'image',
    build: id,
    workflows: [`jeos-${id}`],
    shared: 'jeos',
    created: NOW - 400 * DAY,
    used,
    ...more,
  });
}

function without(found: FoundResource, key: 'build' | 'created' | 'used'): FoundResource {
  const copy = { ...found };
  delete copy[key];
  return copy;
}

function plan(found: FoundResource[], facts: Partial<SweepFacts> = {}): SweepPlan {
  const ended = new Map(found.flatMap(({ workflows }) => workflows.map((id) => [id, 'ended' as const])));
  return decideSweep(found, {
    now: NOW,
    limits: { olderThan: 86_400, jeosKeep: 10, unusedFor: 30 * 86_400 },
    workflowStates: ended,
    inUse: new Set(),
    retention: 0,
    installing: false,
    ...facts,
  });
}

function removed({ removals }: SweepPlan): string[] {
  return removals.flatMap(({ resources }) => resources.map(({ id }) => id));
}

function whyKept({ kept }: SweepPlan, id: string): string | undefined {
  return kept.find((entry) => entry.resource.id === id)?.why;
}

describe('what a build has left', () => {
  it('is removed when the build has ended and the resources are old enough, instances first', () => {
    const found = [resource('k', { kind: 'key pair' }), resource('g', { kind: 'security group' }), resource('s')];
    assert.deepEqual(removed(plan(found)), ['s', 'g', 'k']);
    assert.equal(plan(found).removals[0]?.why, 'its build has ended: base_image-b');
  });

  it('is removed when Temporal no longer has the workflow of the build', () => {
    const { removals } = plan([resource('s')], { workflowStates: new Map([['base_image-b', 'unknown']]) });
    assert.equal(removals[0]?.why, 'Temporal no longer has the workflow of its build');
  });

  it('stays when Temporal has no workflow although the retention has not passed: another Temporal has the build', () => {
    const states = new Map([['base_image-b', 'unknown']] as const);
    const result = plan([resource('s')], { workflowStates: states, retention: 3 * 86_400 });
    assert.match(
      whyKept(result, 's') ?? '',
      /^Temporal has no workflow of its build, although it is younger than Temporal’s retention$/,
    );
    assert.deepEqual(removed(plan([resource('s')], { workflowStates: states, retention: 86_400 })), ['s']);
    assert.deepEqual(removed(plan([resource('s')], { retention: 3 * 86_400 })), ['s']);
  });

  it('stays while the build runs, and while the state of its workflow is not known', () => {
    const running = plan([resource('s')], { workflowStates: new Map([['base_image-b', 'running']]) });
    assert.equal(whyKept(running, 's'), 'its build is running: base_image-b');
    assert.deepEqual(removed(plan([resource('s')], { workflowStates: new Map() })), []);
  });

  it('stays when any workflow of the build runs', () => {
    const states = new Map([
      ['base_image-b', 'ended'],
      ['jeos-c-1', 'running'],
    ] as const);
    assert.deepEqual(
      removed(plan([resource('s'), resource('i', { workflows: ['jeos-c-1'] })], { workflowStates: states })),
      [],
    );
  });

  it('stays completely while its youngest resource is too young', () => {
    const result = plan([resource('s'), resource('k', { kind: 'key pair', created: NOW - 23 * HOUR })]);
    assert.deepEqual(removed(result), []);
    assert.equal(whyKept(result, 's'), 'younger than 24 h');
  });

  it('stays when the cloud does not report the age of a resource', () => {
    assert.equal(
      whyKept(plan([without(resource('s'), 'created')]), 's'),
      'the cloud does not report the age of instance s',
    );
  });

  it('stays completely until the latest expiry of its resources has passed', () => {
    const found = [
      resource('s', { expires: NOW + HOUR }),
      resource('k', { kind: 'key pair' }),
      resource('p', { expires: NOW - HOUR }),
    ];
    assert.equal(whyKept(plan(found), 'k'), 'kept until 2026-03-04 13:00 UTC');
    assert.deepEqual(removed(plan(found, { now: NOW + 2 * HOUR })), ['s', 'p', 'k']);
    assert.equal(whyKept(plan([resource('s', { expires: Infinity })]), 's'), 'kept until a user removes it');
  });

  it('is removed, except for the base image', () => {
    const result = plan([resource('s'), resource('base', { kind: 'image', result: 'is a base image' })]);
    assert.deepEqual(removed(result), ['s']);
    assert.equal(whyKept(result, 'base'), 'is a base image');
  });

  it('is removed build by build, the oldest first', () => {
    const old = { build: 'o', workflows: ['base_image-o'], created: NOW - 9 * DAY };
    const found = [
      resource('new'),
      resource('old', old),
      resource('newer', { created: NOW - DAY - HOUR, build: 'n', workflows: [] }),
    ];
    assert.deepEqual(removed(plan(found)), ['old', 'new', 'newer']);
  });
});

describe('a resource with our mark that names no build', () => {
  const ownerless = without(resource('x', { workflows: [] }), 'build');

  it('stays', () => {
    assert.equal(whyKept(plan([{ ...ownerless, kind: 'port' }]), 'x'), 'carries no build’s mark');
  });

  it('is removed when it is an installer medium whose upload never ended, unless an installer run may be uploading it', () => {
    const medium = { ...ownerless, kind: 'image' as const, medium: 'unfinished' as const };
    assert.deepEqual(removed(plan([medium])), ['x']);
    assert.deepEqual(removed(plan([medium], { installing: true })), []);
    assert.deepEqual(removed(plan([{ ...medium, medium: 'retired' }], { installing: true })), ['x']);
  });
});

describe('JEOS images', () => {
  it('are removed above the number to keep, those that were used longest ago', () => {
    const limits = { olderThan: 86_400, jeosKeep: 2, unusedFor: 30 * 86_400 };
    const result = plan([jeos('a', 5), jeos('b', 20), jeos('c', 2), jeos('d', 9)], { limits });
    assert.deepEqual(removed(result).sort(), ['b', 'd']);
    assert.equal(result.removals[0]?.why, 'the sweeper keeps only the 2 JEOS images that were used last');
  });

  it('are removed when no build has used them for unusedFor', () => {
    const result = plan([jeos('a', 31), jeos('b', 29)]);
    assert.deepEqual(removed(result), ['a']);
    assert.equal(result.removals[0]?.why, 'not used for 30 d');
  });

  it('count as last used when they were created if no use is recorded', () => {
    const unnoted = without(jeos('a', 0, { created: NOW - 31 * DAY }), 'used');
    assert.deepEqual(removed(plan([unnoted])), ['a']);
  });

  const none = { olderThan: 0, jeosKeep: 0, unusedFor: 0 };

  it('stay while they are in use, and while it is not known whether they are in use', () => {
    assert.equal(whyKept(plan([jeos('a', 99)], { inUse: new Set(['a']) }), 'a'), 'is in use');
    assert.equal(whyKept(plan([jeos('a', 99)], { inUse: 'nobody answers' }), 'a'), 'nobody answers');
  });

  it('stay when a build has chosen them a moment ago, whatever the limits', () => {
    assert.equal(whyKept(plan([jeos('a', 1 / 24 / 60)], { limits: none }), 'a'), 'used less than 10 min ago');
  });

  it('stay while their installer runs, and still count towards the number to keep', () => {
    const states = new Map([
      ['jeos-a', 'running'],
      ['jeos-b', 'ended'],
    ] as const);
    const limits = { olderThan: 0, jeosKeep: 1, unusedFor: 30 * 86_400 };
    assert.deepEqual(removed(plan([jeos('a', 1), jeos('b', 2)], { workflowStates: states, limits })), ['b']);
  });

  it('stay although the other resources of their installer run are removed', () => {
    assert.deepEqual(removed(plan([jeos('a', 1), resource('s', { build: 'a', workflows: ['jeos-a'] })])), ['s']);
  });
});

describe('installer media', () => {
  const medium = jeos('m', 31, { shared: 'media', workflows: [] });

  it('are removed by age alone, not by number', () => {
    assert.deepEqual(removed(plan([medium])), ['m']);
    const limits = { olderThan: 0, jeosKeep: 0, unusedFor: 40 * 86_400 };
    assert.deepEqual(removed(plan([medium], { limits })), []);
  });

  it('stay while an installer runs', () => {
    assert.match(whyKept(plan([medium], { installing: true }), 'm') ?? '', /^a JEOS installation is running/);
  });
});

describe('prepared images', () => {
  const prepared = jeos('p', 31, { shared: 'prepared', workflows: ['prepared_image-p'] });

  it('are removed when no target image has used them for long, and not by number', () => {
    assert.deepEqual(removed(plan([prepared])), ['p']);
    const limits = { olderThan: 0, jeosKeep: 0, unusedFor: 40 * 86_400 };
    assert.deepEqual(removed(plan([prepared], { limits })), []);
  });

  it('stay while a target image is converted from them', () => {
    assert.equal(whyKept(plan([prepared], { inUse: new Set(['p']) }), 'p'), 'is in use');
  });
});

it('formatDuration chooses a suitable unit: seconds, minutes, hours or days', () => {
  assert.deepEqual([45, 5400, 86_400, 30 * 86_400].map(formatDuration), ['45 s', '90 min', '24 h', '30 d']);
});
