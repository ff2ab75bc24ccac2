import type { Deps } from './shared/context.js';
import type { BuildRef } from '../domain/names.js';
import { createAccess } from './instance/security-group.js';
import { createServer } from './instance/create-server.js';
import { waitForAddress } from './instance/floating-ip.js';
import { createBootImage } from './installer/create-boot-image.js';
import { refuseIfBuilt, takeBuiltImage } from './shared/completed-build.js';
import { removeResources } from './cleanup/remove-resources.js';
import { cleanGuest, runGuestStep, writeIcicle } from './guest/run-guest-step.js';
import { shutDownGuest, waitForSsh } from './guest/wait-for-ssh.js';
import { publishBaseImage, publishJeos } from './images/publish-image.js';
import { waitForJeos } from './installer/wait-for-jeos.js';
import { keepResources } from './cleanup/keep-resources.js';
import { endedWorkflows } from './instance/create-queue.js';
import { prepareMedia } from './media/prepare-media.js';
import { planBaseImage } from './plan/plan-base-image.js';
import { waitForPowerOff } from './installer/wait-for-power-off.js';
import { deleteImage, downloadBody, readRecords, writeFinalRecord } from './records/record.js';
import { findRemains, readRemains } from './cleanup/resume-point.js';
import { asLostByReset } from './shared/reset-detection.js';
import { replanBaseImage } from './plan/replan-base-image.js';
import { deleteServer } from './instance/servers.js';
import { closeSession, openSession } from './guest/ssh-session.js';
import { snapshotServer } from './images/snapshot-server.js';
import { planSweep, removeLeft } from './cleanup/sweep.js';
import { uploadVolume } from './images/upload-volume.js';
import { createVolumes } from './instance/create-volumes.js';

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
