import assert from 'node:assert/strict';
import type { CloudAnswer } from './answers.js';
import { readShape } from './read-shape.js';
import type { CloudShape } from './shapes.js';

/** Adds the domain that we assume where the configuration names none; Keystone refuses a name without a domain. */
function addDefaultDomains(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  const entries = Object.entries(value).map(([key, inner]): [string, unknown] => {
    const named = (key === 'user' || key === 'project') && typeof inner === 'object' && inner !== null;
    const lacks = named && 'name' in inner && !('domain' in inner);
    return [key, addDefaultDomains(lacks ? { ...inner, domain: { id: 'default' } } : inner)];
  });
  return Object.fromEntries(entries);
}

/** Checks that we read a shape as openstacksdk does, except for our differences on purpose (`ours`). */
export function assertReadAs(theirs: CloudAnswer | undefined, shape: CloudShape): void {
  assert.ok(theirs !== undefined, 'openstacksdk has not answered: run scripts/record-clouds.ts');
  const answer = readShape(shape);
  const { ours } = shape;
  if (ours !== undefined && 'refuses' in ours) {
    assert.ok('refused' in answer, `we do not refuse, but read ${JSON.stringify(answer)}`);
    assert.match(String(answer['refused']), ours.refuses);
    return;
  }
  const changes = ours?.answers ?? {};
  if ('refused' in theirs && ours === undefined) {
    assert.ok('refused' in answer, `openstacksdk refuses: ${String(theirs['refused'])}`);
    return;
  }
  assert.ok(!('refused' in answer), `we refuse: ${String(answer['refused'])}`);
  const expected = 'refused' in theirs ? changes : { ...(addDefaultDomains(theirs) as object), ...changes };
  const compared = 'refused' in theirs ? Object.keys(changes) : Object.keys({ ...answer, ...expected });
  const pick = (from: object): unknown =>
    Object.fromEntries(Object.entries(from).filter(([key]) => compared.includes(key)));
  assert.deepEqual(pick(answer), pick(expected));
}
