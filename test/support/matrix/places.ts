import type { CallPattern } from '../../fakes/openstack/core/call-log.js';

/** A place in a build where something can go wrong: a row of the fault matrix. */
export interface FaultPoint {
  name: string;
  /** Whose step it is: the build's, or the installer run's. */
  of: 'base' | 'jeos';
  step: string;
  /** The call to the cloud that is struck there. */
  call?: CallPattern;
  /** Which of the step's calls that are like it. Default 1. */
  nth?: number;
  /** The installer's kernel is fetched there. */
  medium?: true;
  /** Something is done in the guest over SSH there. */
  guest?: true;
  /** The worker writes to its disk there. */
  writes?: true;
  /** The document that the step reads before it writes anything. */
  document?: string;
  /** Only the first build from a JEOS does it. */
  firstOnly?: boolean;
}

const nova = (method: string, path: RegExp): CallPattern => ({ service: 'compute', method, path });
const glance = (method: string, path: RegExp): CallPattern => ({ service: 'image', method, path });
const cinder = (method: string, path: RegExp): CallPattern => ({ service: 'volume', method, path });
const neutron = (method: string, path: RegExp): CallPattern => ({ service: 'network', method, path });

const CREATE_SERVER = nova('POST', /\/servers$/);
const LIST_SERVERS = nova('GET', /\/servers\/detail/);
const ACTION = nova('POST', /\/action$/);
const DELETE_SERVER = nova('DELETE', /\/servers\//);
const CREATE_IMAGE = glance('POST', /\/images$/);
const CHANGE_IMAGE = glance('PATCH', /\/images\//);
/** The first call of everything that is done in the guest: the worker sees to it that it is let in. */
const ADMIT = neutron('GET', /\/security-groups\?tags=/);

/** The lifecycle, in its order. */
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
  { name: 'precommand', of: 'base', step: 'precommand:1 early', call: ADMIT, guest: true, writes: true },
  { name: 'packages', of: 'base', step: 'packages', call: ADMIT, guest: true, writes: true },
  { name: 'files', of: 'base', step: 'file:1 /etc/motd.d/hello', call: ADMIT, guest: true, writes: true },
  { name: 'command', of: 'base', step: 'command:1 one', call: ADMIT, guest: true, writes: true },
  { name: 'ICICLE', of: 'base', step: 'icicle', call: ADMIT, guest: true, writes: true },
  { name: 'clean-up of the guest', of: 'base', step: 'clean', call: ADMIT, guest: true, writes: true },
  { name: 'shutdown', of: 'base', step: 'shutdown', call: ADMIT, guest: true, writes: true },
  { name: 'base snapshot', of: 'base', step: 'base.snapshot', call: ACTION },
  { name: 'publish', of: 'base', step: 'base.publish', call: CHANGE_IMAGE },
  { name: 'delete', of: 'base', step: 'customise.delete', call: DELETE_SERVER },
  { name: 'download', of: 'base', step: 'download', call: glance('GET', /\/file$/), writes: true },
  { name: 'clean-up', of: 'base', step: 'cleanup', call: neutron('DELETE', /\/floatingips\//) },
  { name: 'record', of: 'base', step: 'record', writes: true, document: 'icicle.xml' },
];

/** The call before it gives the volume the marks that the image will have. */
const UPLOAD = { call: cinder('POST', /\/action$/), nth: 2 };

/** What is different where disks are volumes. */
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
  if (found === undefined) throw new Error(`the matrix has no place ${name}`);
  return found;
}
