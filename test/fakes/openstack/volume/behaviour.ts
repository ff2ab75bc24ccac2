import { BehaviourRules } from '../core/behaviour-rules.js';
import type { FakeVolume } from '../state.js';

/** A behaviour that a test sets for volumes. A field affects only operations that begin after the test has set it. */
export interface VolumeBehaviour {
  /** The volumes that have this behaviour. Default: all. */
  match?: { name?: RegExp };
  /**
   * Number of operations to which the behaviour applies. An operation (creation, deletion or upload of a volume) counts
   * only if it uses a field of the behaviour. Default Infinity.
   */
  times?: number;
  create?:
    | 'ok'
    /** The volume ends as `error`. */
    | 'error'
    /** The volume stays `creating`, or `downloading` if it is created from an image. */
    | 'stuck';
  delete?:
    | 'ok'
    /** The volume ends as `error_deleting`. */
    | 'error'
    /** The volume stays `deleting`. */
    | 'stuck';
  upload?:
    | 'ok'
    /** The image disappears and the volume is available again, as when the upload fails in Cinder. */
    | 'deleted'
    /** The volume is available again and the image stays queued for ever, as when Cinder crashes during the upload. */
    | 'lost'
    /** The image becomes active with no bytes. */
    | 'empty'
    /** The volume stays `uploading`, and the image stays queued. */
    | 'stuck';
}

/** The behaviours that tests have set for volumes. */
export class VolumeBehaviours extends BehaviourRules<VolumeBehaviour, FakeVolume> {
  constructor() {
    super(({ match = {} }, { name }) => match.name?.test(name ?? '') !== false);
  }
}
