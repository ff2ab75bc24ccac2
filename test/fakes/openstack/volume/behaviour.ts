import { Orders } from '../core/orders.js';
import type { FakeVolume } from '../state.js';

/** What is peculiar about a volume, and about which. */
export interface VolumeBehaviour {
  match?: { name?: RegExp };
  /** How many volumes (for `upload`: uploads). Default Infinity. */
  times?: number;
  create?:
    | 'ok'
    /** Ends `error`. */
    | 'error'
    /** Stays `creating`; `downloading` when it is made from an image. */
    | 'stuck';
  delete?:
    | 'ok'
    /** Ends `error_deleting`. */
    | 'error'
    /** Stays `deleting`. */
    | 'stuck';
  upload?:
    | 'ok'
    /** The image vanishes, the volume is available again: what Cinder does when it fails. */
    | 'deleted'
    /** The volume is available again, the image queued for ever: what is left when Cinder dies in the middle of it. */
    | 'lost'
    /** The image is active with no bytes. */
    | 'empty'
    /** The volume stays `uploading`, the image queued. */
    | 'stuck';
}

/** What tests say about volumes to come. */
export class VolumeBehaviours extends Orders<VolumeBehaviour, FakeVolume> {
  constructor() {
    super(({ match = {} }, { name }) => match.name?.test(name ?? '') !== false);
  }
}
