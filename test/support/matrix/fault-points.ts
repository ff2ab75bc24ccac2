import type { CallPattern } from '../../fakes/openstack/core/call-log.js';
import { cinder, FIND_SECURITY_GROUP, glance, neutron, nova } from '../call-patterns.js';

/** A point in a build where a fault can be injected: a row of the fault matrix. */
export interface FaultPoint {
  name: string;
  /** The workflow of the step: the build, or its installer run. */
  of: 'base' | 'jeos';
  step: string;
  /** The call to the cloud that the fault hits. */
  call?: CallPattern;
  /** The number, from 1, of the call among the step's calls that match {@link call}. Default 1. */
  nth?: number;
  /** True when the step fetches the installer's kernel. */
  medium?: true;
  /** True when the step runs a command in the guest over SSH. */
  guest?: true;
  /** True when the worker writes to its disk in the step. Unset when the step is not tested with a full disk. */
  writes?: true;
  /** The document that the step reads before it writes. Unset when the step reads none. */
  document?: string;
  /** True when only the first build from a JEOS reaches this point. */
  firstOnly?: boolean;
}

const CREATE_SERVER = nova('POST', /\/servers$/);
const LIST_SERVERS = nova('GET', /\/servers\/detail/);
const ACTION = nova('POST', /\/action$/);
const DELETE_SERVER = nova('DELETE', /\/servers\//);
const CREATE_IMAGE = glance('POST', /\/images$/);
const CHANGE_IMAGE = glance('PATCH', /\/images\//);

/** The fault points of a build, in the order of its lifecycle. */
export const FAULT_POINTS: FaultPoint[] = [
  { name: 'template check', of: 'base', step: 'plan', call: nova('GET', /\/flavors/), writes: true },
  { name: 'media fetch', of: 'jeos', step: 'media', medium: true, writes: true },
  { name: 'media upload', of: 'jeos', step: 'media', call: glance('PUT', /\/file$/) },
  { name: 'boot image', of: 'jeos', step: 'boot-image', call: CREATE_IMAGE },
  { name: 'installer create', of: 'jeos', step: 'installer.create', call: CREATE_SERVER },
  { name: 'installer wait', of: 'jeos', step: 'installer.wait', call: LIST_SERVERS },
  { name: 'console capture', of: 'jeos', step: 'installer.wait', call: ACTION, writes: true },
  { name: 'JEOS snapshot', of: 'jeos', step: 'jeos.snapshot', call: ACTION },
  { name: 'JEOS publish', of: 'jeos', step: 'jeos.publish', call: CHANGE_IMAGE },
  { name: 'installer delete', of: 'jeos', step: 'installer.delete', call: DELETE_SERVER },
  { name: 'clean-up of the install', of: 'jeos', step: 'cleanup', call: glance('DELETE', /\/images\//) },
  { name: 'network set-up', of: 'base', step: 'access', call: neutron('POST', /\/security-groups$/) },
  { name: 'key set-up', of: 'base', step: 'access', call: nova('POST', /\/os-keypairs$/) },
  { name: 'floating IP', of: 'base', step: 'customise.create', call: neutron('POST', /\/floatingips$/) },
  { name: 'customise create', of: 'base', step: 'customise.create', call: CREATE_SERVER, writes: true },
  { name: 'address', of: 'base', step: 'address', call: LIST_SERVERS },
  { name: 'SSH wait', of: 'base', step: 'ssh', call: neutron('POST', /\/security-group-rules$/) },
  { name: 'root access', of: 'base', step: 'ssh', call: CHANGE_IMAGE, guest: true, firstOnly: true },
  { name: 'precommand', of: 'base', step: 'precommand:1 early', call: FIND_SECURITY_GROUP, guest: true, writes: true },
  { name: 'packages', of: 'base', step: 'packages', call: FIND_SECURITY_GROUP, guest: true, writes: true },
  { name: 'files', of: 'base', step: 'file:1 /etc/motd.d/hello', call: FIND_SECURITY_GROUP, guest: true, writes: true },
  { name: 'command', of: 'base', step: 'command:1 one', call: FIND_SECURITY_GROUP, guest: true, writes: true },
  { name: 'ICICLE', of: 'base', step: 'icicle', call: FIND_SECURITY_GROUP, guest: true, writes: true },
  { name: 'clean-up of the guest', of: 'base', step: 'clean', call: FIND_SECURITY_GROUP, guest: true, writes: true },
  { name: 'shutdown', of: 'base', step: 'shutdown', call: FIND_SECURITY_GROUP, guest: true, writes: true },
  { name: 'base snapshot', of: 'base', step: 'base.snapshot', call: ACTION },
  { name: 'publish', of: 'base', step: 'base.publish', call: CHANGE_IMAGE },
  { name: 'delete', of: 'base', step: 'customise.delete', call: DELETE_SERVER },
  { name: 'download', of: 'base', step: 'download', call: glance('GET', /\/file$/), writes: true },
  { name: 'clean-up', of: 'base', step: 'cleanup', call: neutron('DELETE', /\/floatingips\//) },
  { name: 'record', of: 'base', step: 'record', writes: true, document: 'icicle.xml' },
];

/**
 * The second action on the volume is the upload. The first action gives the volume the marks that the image will have.
 */
const UPLOAD = { call: cinder('POST', /\/action$/), nth: 2 };

/** The additional fault points of a build whose disks are volumes. */
export const VOLUME_FAULT_POINTS: FaultPoint[] = [
  { name: 'installer’s volume', of: 'jeos', step: 'installer.volumes', call: cinder('POST', /\/volumes$/) },
  { name: 'volume wait', of: 'jeos', step: 'installer.volumes', call: cinder('GET', /\/volumes\/detail\?.*metadata=/) },
  { name: 'JEOS upload', of: 'jeos', step: 'jeos.snapshot', ...UPLOAD },
  { name: 'volume clean-up of the install', of: 'jeos', step: 'cleanup', call: cinder('DELETE', /\/volumes\//) },
  { name: 'guest’s volume', of: 'base', step: 'customise.volumes', call: cinder('POST', /\/volumes$/) },
  { name: 'base upload', of: 'base', step: 'base.snapshot', ...UPLOAD },
  { name: 'volume clean-up', of: 'base', step: 'cleanup', call: cinder('DELETE', /\/volumes\//) },
];

/** Every row of the matrix. */
export const ALL_FAULT_POINTS: FaultPoint[] = [...FAULT_POINTS, ...VOLUME_FAULT_POINTS];

export function faultPoint(name: string): FaultPoint {
  const found = ALL_FAULT_POINTS.find((candidate) => candidate.name === name);
  if (found === undefined) throw new Error(`the fault matrix has no fault point ${name}`);
  return found;
}
