import { fileURLToPath } from 'node:url';
import type { DataConverter } from '@temporalio/common';
import { EncryptionCodec } from './encryption-codec.js';
import type { PayloadKeys } from './keys.js';

/** Whether this file runs compiled, or from its source. */
const compiled = import.meta.url.endsWith('.js');
const REQUIRED = fileURLToPath(new URL(`failure-converter-required.${compiled ? 'cjs' : 'cts'}`, import.meta.url));

/** The failure converter that a workflow bundle for encrypted builds must contain. */
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
