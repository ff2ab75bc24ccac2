import assert from 'node:assert/strict';
import { it } from 'node:test';
import { LARGEST_DETAILS, parsePackageDetails } from '../../../src/icicle/package-details.js';

it('parsePackageDetails reads a package a line, with null for what the system does not say', () => {
  assert.deepEqual(
    parsePackageDetails('bash\t5.2.15-2+b7\tamd64\n\ngpg-pubkey\t1-2\t(none)\nperl\t4:5.36-1\tx86_64\r\nTool\t\n'),
    [
      { name: 'bash', version: '5.2.15-2+b7', architecture: 'amd64' },
      { name: 'gpg-pubkey', version: '1-2', architecture: null },
      { name: 'perl', version: '4:5.36-1', architecture: 'x86_64' },
      { name: 'Tool', version: null, architecture: null },
    ],
  );
});

it('the details of 3,000 packages fit into a record', () => {
  const lines = Array.from(
    { length: 3000 },
    (_, index) => `lib${'x'.repeat(30)}${index}\t1:2.36-9+deb12u${index}\tamd64`,
  );
  const details = parsePackageDetails(lines.join('\n'));
  assert.equal(details.length, 3000);
  assert(JSON.stringify(details).length < LARGEST_DETAILS);
});
