/**
 * This is the only file that imports a private module of Temporal's SDK. These functions decode payloads and failures
 * with a client's data converter and its codec, which decrypts them. The SDK's public packages decode only what they
 * return themselves: they have no function for the payloads in the answer of `describe` (heartbeat details, last
 * failures) or in a history. After an update of `@temporalio/common`, the type check shows whether the functions still
 * exist.
 */
export {
  decodeArrayFromPayloads,
  decodeFromPayloadsAtIndex,
  decodeOptionalFailureToOptionalError,
} from '@temporalio/common/lib/internal-non-workflow/index.js';
