import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { ANSWERS_FILE, type RecordedAnswers } from '../../../support/clouds/answers.js';
import { assertReadAs } from '../../../support/clouds/compare.js';
import { CLOUD_SHAPES } from '../../../support/clouds/shapes.js';

const { version, answers } = JSON.parse(readFileSync(ANSWERS_FILE, 'utf8')) as RecordedAnswers;

describe(`a cloud’s configuration is read as by openstacksdk ${version}`, () => {
  for (const shape of CLOUD_SHAPES) it(shape.name, () => assertReadAs(answers[shape.name], shape));

  it('which has answered about these shapes and no others', () =>
    assert.deepEqual(Object.keys(answers).sort(), CLOUD_SHAPES.map(({ name }) => name).sort()));
});
