import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { FactoryError } from '../../../src/domain/errors.js';
import { KEYS_VARIABLE, generateKeyLine, readPayloadKeysFromEnv, readPayloadKeys } from '../../../src/codec/keys.js';

const KEY = Buffer.alloc(32, 7).toString('base64');

describe('a file of payload keys', () => {
  const directory = mkdtempSync(join(tmpdir(), 'imagefactory-keys-'));
  const file = join(directory, 'keys');
  after(() => rmSync(directory, { recursive: true }));

  function write(text: string, mode = 0o600): string {
    writeFileSync(file, text);
    chmodSync(file, mode);
    return file;
  }

  it('has one key per line, and the first key encrypts', () => {
    const keys = readPayloadKeys(write(`# rotated in May\n\nnew:${KEY}\nold:${KEY}\n`));
    assert.equal(keys.current, 'new');
    assert.deepEqual([...keys.byId.keys()], ['new', 'old']);
  });

  it('may have the line that new-key prints', () => {
    const [id] = generateKeyLine().split(':');
    assert.match(id ?? '', /^\d{4}-\d\d-\d\d-[0-9a-f]{4}$/);
    assert.equal(readPayloadKeys(write(`${generateKeyLine('mine')}\n`)).current, 'mine');
    assert.notEqual(generateKeyLine('mine'), generateKeyLine('mine'));
  });

  for (const [what, text, says] of [
    ['without a colon', `\nabc\n`, /line 2: there is no colon/],
    [
      'with characters in an id that are not allowed',
      `a b:${KEY}`,
      /line 1: the text before the colon is not a valid id/,
    ],
    [
      'with a short key',
      `k:${KEY}\nshort:${Buffer.alloc(16).toString('base64')}`,
      /line 2: .*short has 16 bytes .* 32/,
    ],
    ['with a key that is no base64', `k:${KEY.slice(0, -1)}`, /line 1: the key k is not written as padded base64/],
    ['with an id twice', `k:${KEY}\nk:${KEY}`, /line 2: another key has the id k already/],
    ['with no key', '# none\n', /there is no key/],
  ] as const) {
    it(`${what} is refused: the error names the line and the command new-key, and does not quote the key`, () => {
      assert.throws(
        () => readPayloadKeys(write(text)),
        (error) => {
          assert.ok(error instanceof FactoryError);
          assert.equal(error.type, 'InvalidParameter');
          assert.match(error.message, says);
          assert.match(error.hint ?? '', /codec new-key/);
          assert.ok(!error.message.includes(KEY.slice(0, 20)));
          return true;
        },
      );
    });
  }

  it('is refused when other users may read it, or its group may write it', () => {
    for (const mode of [0o644, 0o604, 0o620, 0o660]) {
      assert.throws(
        () => readPayloadKeys(write(`k:${KEY}`, mode)),
        /other users can access the payload keys in .* \(mode 0/,
      );
    }
    assert.equal(readPayloadKeys(write(`k:${KEY}`, 0o640)).current, 'k');
  });

  it('that does not exist is refused, with its path', () => {
    assert.throws(() => readPayloadKeys(join(directory, 'nowhere')), /cannot be read from .*nowhere \(ENOENT\)/);
  });
});

describe('payload keys in the environment', () => {
  it('are separated by spaces, commas or line ends', () => {
    for (const separator of [' ', ',', '\n']) {
      const keys = readPayloadKeysFromEnv({ [KEYS_VARIABLE]: [`b:${KEY}`, `a:${KEY}`].join(separator) });
      assert.deepEqual([...(keys?.byId.keys() ?? [])], ['b', 'a']);
    }
  });

  it('are none when the variable is unset or empty', () => {
    assert.equal(readPayloadKeysFromEnv({}), undefined);
    assert.equal(readPayloadKeysFromEnv({ [KEYS_VARIABLE]: '' }), undefined);
  });

  it('that are invalid are named by their number, not quoted', () => {
    assert.throws(
      () => readPayloadKeysFromEnv({ [KEYS_VARIABLE]: `b:${KEY} secretword` }),
      (error: Error) => {
        assert.match(error.message, /IMAGEFACTORY_PAYLOAD_KEYS, key 2: there is no colon/);
        return !error.message.includes('secretword');
      },
    );
  });
});
