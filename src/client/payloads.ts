/**
 * Functions of Temporal's SDK that decode what the public client returns undecoded: a history's inputs, an activity's
 * heartbeat. The SDK exports them from an internal path only, which this file alone imports.
 */
export {
  decodeArrayFromPayloads,
  decodeFromPayloadsAtIndex,
  decodeOptionalFailureToOptionalError,
} from '@temporalio/common/lib/internal-non-workflow/index.js';
