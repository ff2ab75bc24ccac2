import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseResourceName, expiryMarks, readExpiry, resourceName } from '../../../src/domain/names.js';

const MOMENT = new Date('2026-03-04T05:06:07.890Z');

test('an expiry is read back from the marks or the tags of a resource, to the second', () => {
  assert.equal(readExpiry({ marks: expiryMarks(MOMENT) }), Date.parse('2026-03-04T05:06:07Z'));
  assert.equal(
    readExpiry({ tags: ['imagefactory', 'imagefactory_expires=2026-03-04T05:06:07Z'] }),
    Date.parse('2026-03-04T05:06:07Z'),
  );
});

test('the latest of several expiries counts', () => {
  assert.equal(
    readExpiry({ tags: ['imagefactory_expires=2026-03-04T05:07:07Z'], marks: expiryMarks(MOMENT) }),
    Date.parse('2026-03-04T05:07:07Z'),
  );
});

test('an expiry in seconds since 1970 is read as well', () => {
  assert.equal(readExpiry({ marks: { imagefactory_expires: '1772600767' } }), 1_772_600_767_000);
});

test('an expiry in an unknown format never passes', () => {
  assert.equal(readExpiry({ marks: { imagefactory_expires: 'next week' } }), Infinity);
});

test('a resource without the mark has no expiry', () => {
  assert.equal(readExpiry({ tags: ['imagefactory'], marks: { imagefactory_build: 'x' } }), undefined);
});

test('a build is found by the name of its resource, and by no other name', () => {
  const uuid = 'bdd32b97-0e94-473a-b376-74d2da289a2c';
  assert.equal(parseResourceName(resourceName({ uuid, cloud: 'c', workflowId: 'w' }, 'key'), 'key'), uuid);
  for (const name of [
    `imagefactory-guest-${uuid}`,
    'imagefactory-key-mine',
    `my-imagefactory-key-${uuid}`,
    `imagefactory-key-${uuid}-2`,
  ]) {
    assert.equal(parseResourceName(name, 'key'), undefined, name);
  }
});
