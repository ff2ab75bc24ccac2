import type { Deps } from './context.js';
import type { BuildRef } from '../build/names.js';
import { createAccess } from './access.js';
import { createServer } from './create.js';
import { waitForAddress } from './address.js';
import { createBootImage } from './boot-image.js';
import { refuseIfBuilt, takeBuiltImage } from './built.js';
import { removeResources } from './cleanup.js';
import { cleanGuest, runGuestStep, writeIcicle } from './guest.js';
import { shutDownGuest, waitForSsh } from './guest-boot.js';
import { publishBaseImage, publishJeos } from './images.js';
import { waitForJeos } from './jeos.js';
import { keepResources } from './keep.js';
import { endedWorkflows } from './line.js';
import { prepareMedia } from './media.js';
import { planBaseImage } from './plan.js';
import { waitForPowerOff } from './power-off.js';
import { deleteImage, downloadBody, readRecords, writeFinalRecord } from './record.js';
import { findRemains, readRemains } from './remains.js';
import { asLostByReset } from './reset.js';
import { replanBaseImage } from './replan.js';
import { deleteServer } from './servers.js';
import { closeSession, openSession } from './session.js';
import { snapshotServer } from './snapshot.js';
import { planSweep, removeLeft } from './sweep.js';
import { uploadVolume } from './volume-image.js';
import { createVolumes } from './volumes.js';

const ACTIVITIES = {
  planBaseImage,
  replanBaseImage,
  findRemains,
  takeBuiltImage,
  waitForJeos,
  prepareMedia,
  createBootImage,
  endedWorkflows,
  createVolumes,
  createServer,
  waitForPowerOff,
  snapshotServer,
  uploadVolume,
  publishJeos,
  deleteServer,
  createAccess,
  waitForAddress,
  waitForSsh,
  runGuestStep,
  writeIcicle,
  cleanGuest,
  shutDownGuest,
  openSession,
  closeSession,
  publishBaseImage,
  downloadBody,
  removeResources,
  keepResources,
  writeFinalRecord,
  deleteImage,
  readRecords,
  readRemains,
  planSweep,
  removeLeft,
};

type Bound<F> = F extends (deps: Deps, input: infer I) => infer R ? (input: I) => R : never;

/** Everything that touches the world. Each takes one argument and can be run twice without harm. */
export type Activities = { [K in keyof typeof ACTIVITIES]: Bound<(typeof ACTIVITIES)[K]> };

/** What makes or changes something for a build: a build that has its image already does none of it. */
const MAKING = new Set<string>([
  'planBaseImage',
  'findRemains',
  'waitForJeos',
  'createVolumes',
  'createServer',
  'createAccess',
  'waitForAddress',
  'waitForSsh',
  'runGuestStep',
  'writeIcicle',
  'cleanGuest',
  'shutDownGuest',
  'snapshotServer',
  'uploadVolume',
  'publishBaseImage',
  'downloadBody',
] satisfies (keyof Activities)[]);

type Activity = (deps: Deps, input: { ref: BuildRef }) => Promise<unknown>;

/** An activity of a build that may have been reset. */
function making(deps: Deps, activity: Activity): (input: { ref: BuildRef }) => Promise<unknown> {
  return async (input) => {
    await refuseIfBuilt(deps, input.ref);
    try {
      return await activity(deps, input);
    } catch (error) {
      throw await asLostByReset(deps, error);
    }
  };
}

/** The activities of one worker. */
export function createActivities(deps: Deps): Activities {
  const bound = Object.entries(ACTIVITIES).map(([name, activity]) => [
    name,
    MAKING.has(name) ? making(deps, activity as Activity) : (input: never) => (activity as Activity)(deps, input),
  ]);
  return Object.fromEntries(bound) as Activities;
}
