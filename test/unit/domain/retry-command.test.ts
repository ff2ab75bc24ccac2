import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { explainUnusableBase } from '../../../src/domain/base-of-target.js';
import { MASK } from '../../../src/domain/mask.js';
import type { BuildRecord } from '../../../src/domain/record.js';
import { findRetryCommand } from '../../../src/domain/retry-command.js';
import { writeImportTemplate } from '../../../src/planning/import-template.js';

const JEOS = { jeos: 'glance:golden' };
const IMPORTED = writeImportTemplate('golden', JEOS.jeos, { name: 'Debian', version: '12', arch: 'x86_64' });

describe('the command that tries a forgotten build again', () => {
  const command = (known: Partial<BuildRecord>): string => findRetryCommand({ identifier: 'u', ...known });

  it('resumes a build with what its record does not have', () => {
    assert.equal(command({}), 'imagefactory resume u --template FILE --file-parameter install_script FILE');
    assert.equal(command({ type: 'TargetImage', parameters: {} }), 'imagefactory resume u');
  });

  it('resumes a build of an image that exists, which has no install script', () => {
    assert.equal(command({ template: '<template/>', parameters: JEOS }), 'imagefactory resume u --template FILE');
    const parameters = { jeos: `https://me:${MASK}@images.test/d.qcow2` };
    assert.equal(command({ parameters }), 'imagefactory resume u --template FILE --parameter jeos IMAGE');
  });

  it('imports a disk again, because an import cannot be resumed', () => {
    const record = { identifier: 'u', template: IMPORTED, parameters: JEOS };
    assert.equal(command(record), 'imagefactory import_base_image IMAGE');
    const unusable = explainUnusableBase({ ...record, status: 'FAILED' });
    assert.match(unusable?.hint ?? '', /^import the disk again: imagefactory import_base_image IMAGE/);
  });
});
