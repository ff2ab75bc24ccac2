import assert from 'node:assert/strict';
import { it } from 'node:test';
import { findTarget } from '../../../src/domain/find-target.js';
import { REFUSED_TARGETS, TARGETS } from '../../../src/domain/targets.js';

it('a target is found by each of its names, in upper and lower case', () => {
  for (const target of TARGETS) {
    for (const name of [target.name, ...target.aliases]) assert.equal(findTarget(name.toUpperCase()), target);
  }
  assert.equal(findTarget('OVA').format, 'ova');
});

it('no two targets have the same name', () => {
  const names = [
    ...TARGETS.flatMap(({ name, aliases }) => [name, ...aliases]),
    ...REFUSED_TARGETS.flatMap((t) => t.names),
  ];
  assert.deepEqual(
    names.filter((name, index) => names.indexOf(name) !== index),
    [],
  );
});

it('an unknown target is refused with the name that was probably meant', () => {
  assert.throws(() => findTarget('vspere'), {
    type: 'InvalidParameter',
    message: 'there is no target "vspere"',
    hint: /^did you mean vsphere\? The targets are openstack-kvm, /,
  });
  assert.throws(() => findTarget('commodore'), { type: 'InvalidParameter', hint: /^the targets are openstack-kvm, / });
});

it('a target whose service has ended is refused with what to take instead', () => {
  assert.throws(() => findTarget('rackspace'), { message: /has ended$/, hint: /^use openstack-kvm/ });
  assert.throws(() => findTarget('atlas'), {
    message: /has ended$/,
    hint: /^use vagrant-libvirt or vagrant-virtualbox/,
  });
});

it('a target that cannot be made yet is refused in other words than an unknown one', () => {
  assert.throws(() => findTarget('indirection'), { type: 'InvalidParameter', message: /cannot be made yet$/ });
});
