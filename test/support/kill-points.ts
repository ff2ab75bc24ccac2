import type { CallPattern } from '../fakes/openstack/core/call-log.js';

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
