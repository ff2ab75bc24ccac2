import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { BuildOutcome } from '../../../src/client/outcome.js';
import { formatJson, toImageRecord, formatTable } from '../../../src/cli/output.js';
import { toPlainText } from '../../../src/domain/plain-text.js';
import { formatOutcome } from '../../../src/cli/view/final-block.js';

const uuid = 'bdd32b97-0e94-473a-b376-74d2da289a2c';
const complete: BuildOutcome = {
  status: 'COMPLETE',
  uuid,
  result: {
    uuid,
    glanceId: '2f0c7a52-5f0d-4dd8-b2b1-5dcd2b9e2f1c',
    checksum: { algorithm: 'sha512', value: 'ab12' },
    checksumMd5: 'cd34',
    size: 1,
    minDisk: 20,
    body: `/var/lib/imagefactory/storage/${uuid}.body`,
    downloaded: false,
    packages: 3,
    jeos: { glance_id: 'j', digest: 'd', reused: false },
  },
};

test('the final block is the article’s, byte for byte, with the facts of ours below', () => {
  assert.equal(
    formatOutcome(complete),
    '\n' +
      '============ Final Image Details ============\n' +
      'UUID: bdd32b97-0e94-473a-b376-74d2da289a2c\n' +
      'Type: base_image\n' +
      'Image filename: /var/lib/imagefactory/storage/bdd32b97-0e94-473a-b376-74d2da289a2c.body\n' +
      'Image build completed SUCCESSFULLY!\n' +
      'Image file: none; the image is in Glance (--parameter download True also writes the file)\n' +
      'Glance image: 2f0c7a52-5f0d-4dd8-b2b1-5dcd2b9e2f1c\n' +
      'Checksum: sha512:ab12\n',
  );
});

test('the final block of a downloaded image says nothing of a missing file', () => {
  const downloaded: BuildOutcome = { ...complete, result: { ...complete.result, downloaded: true } };
  assert.match(formatOutcome(downloaded), /\.body\nImage build completed SUCCESSFULLY!\nGlance image/);
});

test('the checksum is shown as md5 when an old Glance has only that', () => {
  const old: BuildOutcome = { ...complete, result: { ...complete.result, checksum: null } };
  assert.match(formatOutcome(old), /\nChecksum: md5:cd34\n$/);
});

test('a failed build prints a blank line and the error on one line, with its step named once', () => {
  const failure = {
    type: 'CommandFailed',
    step: 'command:2 tidy',
    message: 'command:2 tidy: exit status 3\nlast words',
  };
  assert.equal(
    formatOutcome({ status: 'FAILED', uuid, failure }),
    '\nImage build FAILED with error: command:2 tidy: exit status 3; last words\n',
  );
  assert.equal(
    formatOutcome({ status: 'FAILED', uuid, failure: { ...failure, step: 'plan', message: 'no flavor 9' } }),
    '\nImage build FAILED with error: plan: no flavor 9\n',
  );
});

test('a cancelled build does not claim success', () => {
  const failure = { type: 'Canceled', step: '', message: 'the build was cancelled' };
  assert.equal(formatOutcome({ status: 'CANCELED', uuid, failure }), '\nImage build CANCELED\n');
});

test('a record that is made from the outcome of a build has the fields of the original imagefactory', () => {
  const metadata = toImageRecord(complete, `base_image-${uuid}`);
  assert.equal(metadata.identifier, uuid);
  assert.equal(metadata.status, 'COMPLETE');
  assert.deepEqual(metadata.status_detail, { activity: 'Base Image build complete', error: null });
  assert.deepEqual(metadata.properties, { 'x-image-properties-glance_id': '2f0c7a52-5f0d-4dd8-b2b1-5dcd2b9e2f1c' });
});

test('a table has columns as wide as their widest cell and no trailing blanks', () => {
  assert.equal(
    formatTable(
      ['A', 'LONG'],
      [
        ['abc', 'x'],
        ['d', ''],
      ],
    ),
    'A    LONG\nabc  x\nd\n',
  );
});

test('a JSON document holds the exact texts, and still cannot control a terminal', () => {
  const texts = { text: 'a\u001b[2J\u009b2Jb\u202ec\u2066\u2028d\u007f ä😀' };
  const document = formatJson(texts);
  assert.deepEqual(JSON.parse(document), texts);
  assert.equal(toPlainText(document), document);
});

test('a console’s text or a hint cannot forge a line of the command', () => {
  const failure = { type: 'CommandFailed', step: 's', message: 'm\u001b[31m\nImage build completed SUCCESSFULLY!' };
  const text = formatOutcome({ status: 'FAILED', uuid, failure });
  assert.equal(text, '\nImage build FAILED with error: s: m; Image build completed SUCCESSFULLY!\n');
});
