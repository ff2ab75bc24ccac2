import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { formatStages, parseStages } from '../../../../dev/package-installer/stages.js';

const CONSOLE = `Loading additional components  ... 92%... 100%\r
LAB-STAGE partition start 131.93\r
LAB-STAGE partition end 141.50\r
\x1b[10B\x1b[0mLAB-STAGE debootstrap start 143.30\r
LAB-STAGE debootstrap end 600.10\r
LAB-STAGE kernel start 600.20\r
`;

describe('the stages of an installation', () => {
  it('are read from the console; the time before the first stage is the stage ramdisk', () => {
    assert.deepEqual(parseStages(CONSOLE), [
      { name: 'ramdisk', start: 0, end: 131.93 },
      { name: 'partition', start: 131.93, end: 141.5 },
      { name: 'debootstrap', start: 143.3, end: 600.1 },
      { name: 'kernel', start: 600.2 },
    ]);
  });

  it('are an empty list when the console names no stages', () => {
    assert.deepEqual(parseStages('Retrieving libc6\r\nValidating libc6\r\n'), []);
  });

  it('are shown with their seconds; a stage without an end is shown as such', () => {
    assert.deepEqual(formatStages(parseStages(CONSOLE)), [
      'ramdisk          132 s',
      'partition         10 s',
      'debootstrap      457 s',
      'kernel       end not seen',
    ]);
  });
});
