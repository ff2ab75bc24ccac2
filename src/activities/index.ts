import type { Deps } from './context.js';
import { createAccess } from './access.js';
import { waitForAddress } from './address.js';
import { removeResources } from './cleanup.js';
import { cleanGuest, runGuestStep, writeIcicle } from './guest.js';
import { shutDownGuest, waitForSsh } from './guest-boot.js';
import { createBootImage, publishBaseImage, publishJeos } from './images.js';
import { waitForJeos } from './jeos.js';
import { keepResources } from './keep.js';
import { prepareMedia } from './media.js';
import { planBaseImage } from './plan.js';
import { waitForPowerOff } from './power-off.js';
import { deleteImage, downloadBody, readRecords, writeFinalRecord } from './record.js';
import { findRemains } from './remains.js';
import { replanBaseImage } from './replan.js';
import { createServer, deleteServer } from './servers.js';
import { closeSession, openSession } from './session.js';
import { snapshotServer } from './snapshot.js';
import { planSweep, removeLeft } from './sweep.js';

const ACTIVITIES = {
  planBaseImage,
  replanBaseImage,
  findRemains,
  waitForJeos,
  prepareMedia,
  createBootImage,
  createServer,
  waitForPowerOff,
  snapshotServer,
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
  planSweep,
  removeLeft,
};

type Bound<F> = F extends (deps: Deps, input: infer I) => infer R ? (input: I) => R : never;

/** Everything that touches the world. Each takes one argument and can be run twice without harm. */
export type Activities = { [K in keyof typeof ACTIVITIES]: Bound<(typeof ACTIVITIES)[K]> };

/** The activities of one worker. */
export function createActivities(deps: Deps): Activities {
  const bound = Object.entries(ACTIVITIES).map(([name, activity]) => [
    name,
    (input: never) => (activity as (deps: Deps, input: never) => unknown)(deps, input),
  ]);
  return Object.fromEntries(bound) as Activities;
}
