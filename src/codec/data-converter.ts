import { fileURLToPath } from 'node:url';
import type { DataConverter } from '@temporalio/common';
import { EncryptionCodec } from './encryption-codec.js';
import type { PayloadKeys } from './keys.js';

/** True when this file runs compiled (`.js`), false when it runs from its source (`.ts`). */
const compiled = import.meta.url.endsWith('.js');
const REQUIRED = fileURLToPath(new URL(`failure-converter-required.${compiled ? 'cjs' : 'cts'}`, import.meta.url));

/** Path of the failure converter that the workflow bundle for encrypted builds must contain. */
export const BUNDLED_FAILURE_CONVERTER = fileURLToPath(
  new URL(`failure-converter.${compiled ? 'js' : 'ts'}`, import.meta.url),
);

/**
 * Creates the data converter of clients and workers. Without keys, it encrypts nothing, and the messages of failures
 * stay readable in Temporal.
 */
export function createDataConverter(keys: PayloadKeys | undefined): DataConverter {
  const payloadCodecs = [new EncryptionCodec(keys)];
  return keys === undefined ? { payloadCodecs } : { payloadCodecs, failureConverterPath: REQUIRED };
}
