import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  changeProviderParameters,
  listAccounts,
  parseProviderParameters,
} from '../../../src/domain/provider-image-input.js';

describe('the parameters of a provider image', () => {
  it('are read from the texts of a command line', () => {
    const given = { share: ' 111122223333, 444455556666 ,', upload_rate: '1000000', upload_timeout: '3600' };
    const parsed = parseProviderParameters({ ...given, on_error: 'hold', hold_for: '60' });
    assert.deepEqual(parsed, {
      share: '111122223333,444455556666',
      upload_rate: 1_000_000,
      upload_timeout: 3600,
      on_error: 'hold',
      hold_for: 60,
    });
    assert.deepEqual(listAccounts(parsed), ['111122223333', '444455556666']);
  });

  it('have no values unless they are given', () => {
    assert.deepEqual(parseProviderParameters({}), {});
    assert.deepEqual(listAccounts({}), []);
  });

  for (const [name, value, message] of [
    ['upload_rate', '0', /upload_rate cannot be "0"/],
    ['upload_rate', '1.5', /upload_rate cannot be "1.5"/],
    ['upload_timeout', '-1', /upload_timeout cannot be "-1"/],
    ['share', '--all', /share: "--all" is no account/],
    ['share', 'a b', /share: "a b" is no account/],
    ['on_error', 'keep', /a provider image has no resources to keep/],
    ['on_error', 'later', /on_error/],
    ['compression', 'zlib', /a provider image has no parameter "compression"/],
  ] as const) {
    it(`refuse ${name} ${value}`, () => {
      assert.throws(() => parseProviderParameters({ [name]: value }), message);
    });
  }

  it('can be changed while a push is held, but there is no template', () => {
    assert.deepEqual(changeProviderParameters({ share: 'a' }, { parameters: { upload_rate: 5 } }), {
      share: 'a',
      upload_rate: 5,
    });
    assert.throws(() => changeProviderParameters({}, { template: '<template/>' }), /has no template/);
  });
});
