import assert from 'node:assert/strict';
import { FactoryError } from '../../src/domain/errors.js';

/** Asserts that the action throws a {@link FactoryError}. @returns the error */
export function catchFactoryError(action: () => unknown): FactoryError {
  try {
    action();
  } catch (error) {
    assert.ok(error instanceof FactoryError, String(error));
    return error;
  }
  return assert.fail('the action did not throw');
}
