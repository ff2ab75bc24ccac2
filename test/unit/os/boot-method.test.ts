import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FactoryError } from '../../../src/build/errors.js';
import { bootMethodFor, checkBootMethod } from '../../../src/os/boot-method.js';

describe('what an installer is booted from', () => {
  it('is kernel and ramdisk, where the cloud takes them or does not say', () => {
    assert.equal(bootMethodFor(['raw', 'qcow2', 'aki', 'ari']), 'direct');
    assert.equal(bootMethodFor([]), 'direct');
  });

  it('is a disk of ours, where the cloud takes no kernels', () => {
    assert.equal(bootMethodFor(['raw', 'qcow2']), 'stub');
    assert.equal(bootMethodFor(['raw', 'aki']), 'stub');
  });

  it('is no disk of ours for machines that have no boot loader on it, or want a signed one', () => {
    const refused = (message: RegExp, ...args: Parameters<typeof checkBootMethod>): void =>
      assert.throws(
        () => checkBootMethod(...args),
        (error) => error instanceof FactoryError && error.type === 'InvalidParameter' && message.test(error.message),
      );
    refused(/no stub for machines of aarch64/, 'stub', 'aarch64', undefined);
    refused(/boot loader is not signed/, 'stub', 'x86_64', 'secure_boot');
    checkBootMethod('stub', 'x86_64', 'uefi');
    checkBootMethod('stub', 'i386', undefined);
    checkBootMethod('direct', 's390x', undefined);
  });
});
