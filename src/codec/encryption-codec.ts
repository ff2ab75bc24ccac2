import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import type { Payload, PayloadCodec } from '@temporalio/common';
import proto from '@temporalio/proto';
import type { PayloadKeys } from './keys.js';

const PayloadMessage = proto.temporal.api.common.v1.Payload;

/*
 * Metadata and layout are the same as in Temporal's own encryption samples: `encoding: binary/encrypted`,
 * `encryption-key-id`, and as data the nonce, the encrypted payload message, and the tag.
 */
const ENCRYPTED = 'binary/encrypted';
const KEY_ID = 'encryption-key-id';
const CIPHER = 'aes-256-gcm';
/**
 * Lengths of the nonce and of the tag, in bytes. With random nonces of 96 bits, a key is safe for 2^32 payloads (NIST
 * SP 800-38D, 8.2.2).
 */
const NONCE = 12;
const TAG = 16;

/** Thrown when an encrypted payload cannot be decrypted with the available keys. */
export class PayloadKeyError extends Error {
  override readonly name = 'PayloadKeyError';
}

/**
 * Encrypts all payloads that Temporal stores: inputs, results, heartbeats, memos, signals, queries, updates. `decode`
 * returns unencrypted payloads unchanged, so that operators can turn encryption on while builds run.
 */
export class EncryptionCodec implements PayloadCodec {
  /** A private field (`#`), so that a log of the worker's options does not show the keys. */
  readonly #keys: PayloadKeys | undefined;

  /** @param keys if undefined, `encode` does not encrypt, and `decode` throws when it gets encrypted payloads */
  constructor(keys: PayloadKeys | undefined) {
    this.#keys = keys;
  }

  async encode(payloads: Payload[]): Promise<Payload[]> {
    const keys = this.#keys;
    return keys === undefined ? payloads : payloads.map((payload) => encrypt(payload, keys));
  }

  /** @throws PayloadKeyError when the key of a payload is missing, or the payload was modified */
  async decode(payloads: Payload[]): Promise<Payload[]> {
    return payloads.map((payload) =>
      text(payload.metadata?.['encoding']) === ENCRYPTED ? decrypt(payload, this.#keys) : payload,
    );
  }
}

function encrypt(payload: Payload, { current, byId }: PayloadKeys): Payload {
  const key = byId.get(current);
  if (key === undefined) throw new Error(`there is no payload key ${current}`);
  const nonce = randomBytes(NONCE);
  const cipher = createCipheriv(CIPHER, key, nonce, { authTagLength: TAG });
  const message = PayloadMessage.encode(payload).finish();
  const data = Buffer.concat([nonce, cipher.update(message), cipher.final(), cipher.getAuthTag()]);
  return { metadata: { encoding: Buffer.from(ENCRYPTED), [KEY_ID]: Buffer.from(current) }, data };
}

function decrypt({ metadata, data }: Payload, keys: PayloadKeys | undefined): Payload {
  const id = text(metadata?.[KEY_ID]).slice(0, 64);
  const key = keys?.byId.get(id);
  if (key === undefined) {
    const known = keys === undefined ? 'none' : [...keys.byId.keys()].join(', ');
    throw new PayloadKeyError(
      `the data in Temporal is encrypted with the payload key ${JSON.stringify(id)}, which is missing (known keys: ${known}); ` +
        'give the key with --payload-keys FILE or IMAGEFACTORY_PAYLOAD_KEYS',
    );
  }
  const bytes = data ?? new Uint8Array();
  try {
    const decipher = createDecipheriv(CIPHER, key, bytes.subarray(0, NONCE), { authTagLength: TAG });
    decipher.setAuthTag(bytes.subarray(-TAG));
    const message = Buffer.concat([decipher.update(bytes.subarray(NONCE, -TAG)), decipher.final()]);
    return PayloadMessage.decode(message);
  } catch (error) {
    throw new PayloadKeyError(
      `data that was encrypted with the payload key ${id} cannot be decrypted: the data is damaged, or the key with this id has changed`,
      { cause: error },
    );
  }
}

function text(bytes: Uint8Array | null | undefined): string {
  return bytes == null ? '' : Buffer.from(bytes).toString('utf8');
}
