import type { CallPattern } from '../fakes/openstack/core/call-log.js';
import { FIND_SECURITY_GROUP, glance, neutron, nova } from './call-patterns.js';

/** A point in a build at which its worker is killed. */
export interface KillPoint {
  /** The workflow of the step: the build, or its installer run. */
  of: 'base' | 'jeos';
  step: string;
  at:
    | /** A call has reached the cloud: `before` the cloud performs it, or `after` that, before the cloud answers. */
      {
        call: CallPattern;
        when: 'before' | 'after';
      } /** A command runs in the guest; it ends before the next worker starts, or while the next worker follows it. */
    | { command: string; ends: 'alone' | 'followed' } /** The step reads this document from the store. */
    | { document: string };
}

export function describeKillPoint({ of, step, at }: KillPoint): string {
  const where = of === 'jeos' ? `${step} of the installer’s run` : step;
  if ('command' in at) return `${where}, whose command ends ${at.ends}`;
  if ('document' in at) return `${where}, reading ${at.document}`;
  return `${where}, ${at.when} ${at.call.service} ${at.call.method} ${at.call.path?.source.replaceAll('\\', '')}`;
}

function around(of: KillPoint['of'], step: string, call: CallPattern): KillPoint[] {
  return [before(of, step, call), after(of, step, call)];
}

function before(of: KillPoint['of'], step: string, call: CallPattern): KillPoint {
  return { of, step, at: { call, when: 'before' } };
}

function after(of: KillPoint['of'], step: string, call: CallPattern): KillPoint {
  return { of, step, at: { call, when: 'after' } };
}

const CREATE_IMAGE = glance('POST', /\/images$/);
const UPLOAD = glance('PUT', /\/file$/);
const CHANGE_IMAGE = glance('PATCH', /\/images\//);
const CREATE_SERVER = nova('POST', /\/servers$/);
const LIST_SERVERS = nova('GET', /\/servers\/detail/);
const ACTION = nova('POST', /\/action$/);
const DELETE_SERVER = nova('DELETE', /\/servers\//);

/** While a command of the template runs, see {@link blockingCommand}. */
function during(command: string, step: string, ends: 'alone' | 'followed'): KillPoint {
  return { of: 'base', step, at: { command, ends } };
}

/** Kill points in every step of a build with a floating IP and a download, in the order of its lifecycle. */
export const KILL_POINTS: KillPoint[] = [
  before('base', 'plan', nova('GET', /\/flavors/)),
  before('base', 'jeos', glance('GET', /imagefactory_jeos=/)),
  // Only three points: the worker has four activity slots for transfers, and the builds behind need one of them.
  after('jeos', 'media', CREATE_IMAGE),
  before('jeos', 'media', UPLOAD),
  after('jeos', 'media', CHANGE_IMAGE),
  ...around('jeos', 'boot-image', CREATE_IMAGE),
  ...around('jeos', 'boot-image', UPLOAD),
  ...around('jeos', 'installer.create', CREATE_SERVER),
  before('jeos', 'installer.wait', LIST_SERVERS),
  ...around('jeos', 'jeos.snapshot', ACTION),
  ...around('jeos', 'jeos.publish', CHANGE_IMAGE),
  ...around('jeos', 'installer.delete', DELETE_SERVER),
  after('jeos', 'cleanup', glance('DELETE', /\/images\//)),
  after('base', 'access', neutron('POST', /\/security-groups$/)),
  after('base', 'access', neutron('PUT', /\/tags$/)),
  ...around('base', 'access', nova('POST', /\/os-keypairs$/)),
  ...around('base', 'customise.create', CREATE_SERVER),
  before('base', 'address', LIST_SERVERS),
  ...around('base', 'customise.create', neutron('POST', /\/floatingips$/)),
  after('base', 'customise.create', neutron('PUT', /\/tags$/)),
  after('base', 'ssh', neutron('POST', /\/security-group-rules$/)),
  ...around('base', 'ssh', CHANGE_IMAGE),
  before('base', 'precommand:1 early', FIND_SECURITY_GROUP),
  before('base', 'packages', FIND_SECURITY_GROUP),
  before('base', 'file:1 /etc/motd.d/hello', FIND_SECURITY_GROUP),
  during('one', 'command:1 one', 'alone'),
  during('two', 'command:2 two', 'followed'),
  before('base', 'command:3 check', FIND_SECURITY_GROUP),
  before('base', 'icicle', FIND_SECURITY_GROUP),
  before('base', 'clean', FIND_SECURITY_GROUP),
  before('base', 'shutdown', FIND_SECURITY_GROUP),
  before('base', 'shutdown', LIST_SERVERS),
  ...around('base', 'base.snapshot', ACTION),
  ...around('base', 'base.publish', CHANGE_IMAGE),
  ...around('base', 'customise.delete', DELETE_SERVER),
  before('base', 'download', glance('GET', /\/file$/)),
  after('base', 'cleanup', neutron('DELETE', /\/floatingips\//)),
  after('base', 'cleanup', neutron('DELETE', /\/security-groups\//)),
  after('base', 'cleanup', nova('DELETE', /\/os-keypairs\//)),
  { of: 'base', step: 'record', at: { document: 'icicle.xml' } },
];
