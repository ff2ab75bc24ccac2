import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { describe, it } from 'node:test';
import { readFindings, renderCheckScript } from '../../../src/profiles/check.js';

const NEEDS = { drivers: ['xen-blkfront'], modules: ['vmxnet3'], kernelArguments: ['console=ttyS0,115200n8'] };
const GOOD = [
  'kernel 6.1 lsinitramfs',
  'initramfs 6.1 xen_blkfront',
  'module 6.1 vmxnet3',
  'arguments root=UUID=1 ro console=ttyS0,115200n8',
];

function find(lines: readonly string[]): string[] {
  return readFindings(lines.join('\n'), NEEDS).missing.map(({ what }) => what);
}

describe('the check of a guest for its target', () => {
  it('finds nothing in a guest that has everything', () => {
    assert.deepEqual(readFindings(GOOD.join('\n'), NEEDS), { kernels: ['6.1'], missing: [] });
  });

  it('accepts a driver that is built into the kernel', () => {
    assert.deepEqual(find(['kernel 6.1 lsinitramfs', 'builtin 6.1 xen_blkfront', 'builtin 6.1 vmxnet3']), []);
  });

  it('names a driver that is missing in the initramfs, and the command that adds it', () => {
    const output = ['kernel 6.1 lsinitramfs', 'module 6.1 xen_blkfront', 'module 6.1 vmxnet3'].join('\n');
    const [missing] = readFindings(output, NEEDS).missing;
    assert.equal(missing?.what, 'the initramfs of kernel 6.1 has no driver xen-blkfront');
    assert.equal(
      missing.advice,
      '<command name="initramfs">echo xen-blkfront >>/etc/initramfs-tools/modules; update-initramfs -u -k all</command>',
    );
  });

  it('names a driver that the kernel does not have, and the package of a kernel that has it', () => {
    const [missing] = readFindings('kernel 6.1\ninitramfs 6.1 xen_blkfront', NEEDS).missing;
    assert.equal(missing?.what, 'kernel 6.1 has no driver vmxnet3');
    assert.match(missing.advice, /<package name="linux-image-amd64"\/> on Debian/);
  });

  it('checks every kernel, because each may be booted', () => {
    assert.deepEqual(find([...GOOD, 'kernel 6.2', 'initramfs 6.2 xen_blkfront']), ['kernel 6.2 has no driver vmxnet3']);
  });

  it('names an argument that an entry of the boot loader lacks', () => {
    assert.deepEqual(find([...GOOD, 'arguments root=UUID=1 ro quiet']), [
      'the boot loader does not give the kernel console=ttyS0,115200n8',
    ]);
  });

  it('knows no kernel where the guest has no initramfs', () => {
    assert.deepEqual(readFindings('', NEEDS).kernels, []);
  });

  it('asks by a script for the POSIX shell', () => {
    execFileSync('sh', ['-n'], { input: renderCheckScript(NEEDS) });
    execFileSync('sh', ['-n'], { input: renderCheckScript({ drivers: [], modules: [], kernelArguments: [] }) });
  });
});
