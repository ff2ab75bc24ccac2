import { describe, it } from 'node:test';
import { askOpenstackSdk, type RecordedAnswers } from '../support/clouds/answers.js';
import { assertReadAs } from '../support/clouds/compare.js';
import { CLOUD_SHAPES } from '../support/clouds/shapes.js';

/**
 * The Python programs in which we look for openstacksdk. Debian's package of openstacksdk is only for /usr/bin/python3.
 */
const PYTHONS = ['python3', '/usr/bin/python3'];
let found: RecordedAnswers | undefined;
for (const python of PYTHONS) found ??= askOpenstackSdk(python);
const release = Number(found?.version.split('.')[0]);

/**
 * Compares how we and this machine's openstacksdk read the shapes. This openstacksdk may be older than the recorded
 * release.
 */
describe(
  `a cloud’s configuration is read as by this machine’s openstacksdk ${found?.version ?? ''}`,
  { skip: found === undefined && 'python3-openstackclient is not installed' },
  () => {
    for (const shape of CLOUD_SHAPES) {
      const skip = release < (shape.since ?? 0) && `openstacksdk ${release} answers otherwise`;
      it(shape.name, { skip }, () => assertReadAs(found?.answers[shape.name], shape));
    }
  },
);
