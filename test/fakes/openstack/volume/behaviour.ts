import { BehaviourRules } from '../core/behaviour-rules.js';
import type { FakeVolume } from '../state.js';

/** The behaviour of volumes that will be created. */
export interface VolumeBehaviour {
  /** The volumes that have this behaviour. Default: all. */
  match?: { name?: RegExp };
  /** Number of volumes (for `upload`: of uploads) that have it. Default Infinity. */
  times?: number;
  create?:
    | 'ok'
    /** It ends as `error`. */
    | 'error'
    /** It stays `creating`; `downloading` when it is created from an image. */
    | 'stuck';
  delete?:
    | 'ok'
    /** It ends as `error_deleting`. */
    | 'error'
    /** It stays `deleting`. */
    | 'stuck';
  upload?:
    | 'ok'
    /** The image disappears and the volume is available again, as when Cinder fails. */
    | 'deleted'
    /** The volume is available again and the image stays queued for ever, as when Cinder crashes during the upload. */
    | 'lost'
    /** The image becomes active with no bytes. */
    | 'empty'
    /** The volume stays `uploading`, and the image queued. */
    | 'stuck';
}

/** The behaviours that tests have set for volumes that will be created. */
export class VolumeBehaviours extends BehaviourRules<VolumeBehaviour, FakeVolume> {
  constructor() {
    super(({ match = {} }, { name }) => match.name?.test(name ?? '') !== false);
  }
}
