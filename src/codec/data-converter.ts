import { fileURLToPath } from 'node:url';
import type { DataConverter } from '@temporalio/common';
import { EncryptionCodec } from './encryption-codec.js';
import type { PayloadKeys } from './keys.js';

/** From the sources as from the compiled program. */
const compiled = import.meta.url.endsWith('.js');
const REQUIRED = fileURLToPath(new URL(`failure-converter-required.${compiled ? 'cjs' : 'cts'}`, import.meta.url));

/** What a workflow bundle for encrypted builds must contain. */
export const BUNDLED_FAILURE_CONVERTER = fileURLToPath(
  new URL(`failure-converter.${compiled ? 'js' : 'ts'}`, import.meta.url),
);

/**
 * How clients and workers turn values into what Temporal stores. Without keys nothing is encrypted, and failures keep
 * their messages readable.
 */
export function createDataConverter(keys: PayloadKeys | undefined): DataConverter {
  const payloadCodecs = [new EncryptionCodec(keys)];
  return keys === undefined ? { payloadCodecs } : { payloadCodecs, failureConverterPath: REQUIRED };
}
