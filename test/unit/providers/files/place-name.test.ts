import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { HttpClient } from '../../../../src/http/http.js';
import { FolderPlace } from '../../../../src/providers/files/folder-place.js';
import { imageFileOf, isImageFile, requireInside } from '../../../../src/providers/files/place-name.js';
import { openBucket } from '../../../../src/providers/files/s3-bucket.js';
import { WebPlace } from '../../../../src/providers/files/web-place.js';
import { createOperation } from '../../../support/providers/operation.js';
import { settingsOf, withFolder } from './harness.js';

const OUTSIDE = ['..', '.', '../x', 'a/../../x', 'a/.', 'a\\..\\x'];

describe('the name of a file in a place', () => {
  for (const name of OUTSIDE) {
    it(`${JSON.stringify(name)} is refused in every kind of place`, async () => {
      const refused = { type: 'InvalidParameter', message: /leads out/ };
      assert.throws(() => requireInside(name), refused);
      const web = new WebPlace('https://127.0.0.1:1/x', '', new HttpClient('', {}), 'Basic x', 'size');
      await assert.rejects(web.remove(createOperation(), name), refused);
      await web.close();
      const bucket = await openBucket(settingsOf({ url: 's3://images', endpoint: 'https://127.0.0.1:1' }));
      assert.throws(() => bucket.key(name), refused);
      await withFolder(async (folder) => {
        await assert.rejects(new FolderPlace(`file://${folder}`, '').remove(createOperation(), name), refused);
      });
    });
  }

  it('is one plain segment that is not the name of another file of the image', () => {
    for (const name of [...OUTSIDE, '', 'a/b', '/a', 'a?b', 'a#b', 'image.json', 'SHA256SUMS'])
      assert.equal(isImageFile(name), false, name);
    for (const name of ['debian-12.raw', 'image', imageFileOf('image.json'), imageFileOf('sha256sums')])
      assert.equal(isImageFile(name), true, name);
  });
});
