import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { inspect } from 'node:util';
import { defaultPayloadConverter, type Payload } from '@temporalio/common';
import { EncryptionCodec } from '../../../src/codec/encryption-codec.js';
import { KEYS_VARIABLE, generateKeyLine, readPayloadKeysFromEnv } from '../../../src/codec/keys.js';

function codecOf(...lines: string[]): EncryptionCodec {
  return new EncryptionCodec(readPayloadKeysFromEnv({ [KEYS_VARIABLE]: lines.join(' ') }));
}

function payloadOf(value: unknown): Payload {
  return defaultPayloadConverter.toPayload(value);
}

function valueOf(payload: Payload | undefined): unknown {
  return payload === undefined ? undefined : defaultPayloadConverter.fromPayload(payload);
}

describe('the encryption codec', () => {
  const first = generateKeyLine('first');
  const second = generateKeyLine('second');

  it('decodes what it has encoded, and an encoded payload shows only the id of its key', async () => {
    const codec = codecOf(first);
    const [encrypted] = await codec.encode([payloadOf({ rootpw: 'hush' })]);
    assert.equal(Buffer.from(encrypted?.metadata?.['encoding'] ?? []).toString(), 'binary/encrypted');
    assert.equal(Buffer.from(encrypted?.metadata?.['encryption-key-id'] ?? []).toString(), 'first');
    assert.deepEqual(Object.keys(encrypted?.metadata ?? {}), ['encoding', 'encryption-key-id']);
    assert.ok(!Buffer.from(encrypted?.data ?? []).includes('hush'));
    assert.deepEqual(valueOf((await codec.decode([encrypted ?? {}]))[0]), { rootpw: 'hush' });
  });

  it('uses a new nonce for every payload', async () => {
    const codec = codecOf(first);
    const encrypted = await codec.encode(Array.from({ length: 100 }, () => payloadOf('same')));
    assert.equal(new Set(encrypted.map(({ data }) => Buffer.from(data ?? []).toString('hex', 0, 12))).size, 100);
  });

  it('after a key rotation decodes payloads of the old key, and encodes with the new key', async () => {
    const old = await codecOf(first).encode([payloadOf('old')]);
    const rotated = codecOf(second, first);
    const [renewed] = await rotated.encode([payloadOf('new')]);
    assert.equal(Buffer.from(renewed?.metadata?.['encryption-key-id'] ?? []).toString(), 'second');
    assert.deepEqual((await rotated.decode([...old, renewed ?? {}])).map(valueOf), ['old', 'new']);
  });

  it('decodes payloads that were written before there was a key', async () => {
    assert.deepEqual((await codecOf(first).decode([payloadOf('plain')])).map(valueOf), ['plain']);
  });

  it('without keys does not change plain payloads, and names the missing key of an encrypted payload', async () => {
    const none = new EncryptionCodec(undefined);
    const plain = payloadOf('plain');
    assert.deepEqual(await none.encode([plain]), [plain]);
    const encrypted = await codecOf(first).encode([plain]);
    await assert.rejects(
      none.decode(encrypted),
      /payload key "first", which is missing \(known keys: none\).*--payload-keys/,
    );
    await assert.rejects(codecOf(second).decode(encrypted), /"first".*\(known keys: second\)/);
  });

  it('refuses a payload that was altered, cut short, or encrypted with another key of the same id', async () => {
    const codec = codecOf(first);
    const [encrypted] = await codec.encode([payloadOf('whole')]);
    const bytes = Buffer.from(encrypted?.data ?? []);
    const flipped = Buffer.from(bytes);
    flipped[15] = (flipped[15] ?? 0) ^ 1;
    for (const data of [flipped, bytes.subarray(0, -1), bytes.subarray(0, 20), Buffer.alloc(0)]) {
      await assert.rejects(codec.decode([{ ...encrypted, data }]), /is damaged/);
    }
    await assert.rejects(
      codecOf(generateKeyLine('first')).decode([encrypted ?? {}]),
      /the key with this id has changed/,
    );
  });

  it('shows no key when it is printed', () => {
    const key = first.split(':')[1] ?? '';
    const codec = codecOf(first);
    assert.ok(!`${inspect(codec, { depth: 9, showHidden: true })}${JSON.stringify(codec)}`.includes(key));
  });
});
