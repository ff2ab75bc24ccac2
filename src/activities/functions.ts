import type { Deps } from './shared/context.js';
import { createAccess } from './instance/security-group.js';
import { createServer } from './instance/create-server.js';
import { waitForAddress } from './instance/floating-ip.js';
import { createBootImage } from './installer/create-boot-image.js';
import { returnCompletedImage } from './shared/completed-build.js';
import { removeResources } from './cleanup/remove-resources.js';
import { cleanGuest, runGuestStep, writeIcicle } from './guest/run-guest-step.js';
import { shutDownGuest, waitForSsh } from './guest/wait-for-ssh.js';
import { publishBaseImage, publishJeos } from './images/publish-image.js';
import { waitForJeos } from './installer/wait-for-jeos.js';
import { keepResources } from './cleanup/keep-resources.js';
import { findEndedWorkflows } from './instance/create-queue.js';
import { prepareMedia } from './media/prepare-media.js';
import { planBaseImage } from './plan/plan-base-image.js';
import { waitForPowerOff } from './installer/wait-for-power-off.js';
import { deleteImage, downloadBody, readRecords, writeFinalRecord } from './records/record.js';
import { findResumePoint, readResumePoint } from './cleanup/resume-point.js';
import { replanBaseImage } from './plan/replan-base-image.js';
import { deleteServer } from './instance/servers.js';
import { closeSession, openSession } from './guest/ssh-session.js';
import { snapshotServer } from './images/snapshot-server.js';
import { planSweep, removeLeftovers } from './cleanup/sweep.js';
import { uploadVolume } from './images/upload-volume.js';
import { createVolumes } from './instance/create-volumes.js';

/** The function of each activity. */
export const FUNCTIONS = {
  planBaseImage,
  replanBaseImage,
  findResumePoint,
  returnCompletedImage,
  waitForJeos,
  prepareMedia,
  createBootImage,
  findEndedWorkflows,
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
  readResumePoint,
  planSweep,
  removeLeftovers,
};

type Bound<F> = F extends (deps: Deps, input: infer I) => infer R ? (input: I) => R : never;

/** Everything that touches the world, as workflows call it. Each activity takes one argument and can be run twice without harm. */
export type Activities = { [K in keyof typeof FUNCTIONS]: Bound<(typeof FUNCTIONS)[K]> };

export type ActivityName = keyof Activities;
