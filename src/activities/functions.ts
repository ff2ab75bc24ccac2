import type { Deps } from './shared/context.js';
import { createServer } from './instance/create-server.js';
import { waitForAddress } from './instance/wait-for-address.js';
import { createBootImage } from './installer/create-boot-image.js';
import { removeResources } from './cleanup/remove-resources.js';
import { runTemplateStep } from './guest/run-template-step.js';
import { waitForSsh } from './guest/wait-for-ssh.js';
import { publishBaseImage } from './images/publish-base-image.js';
import { waitForJeos } from './installer/wait-for-jeos.js';
import { keepResources } from './cleanup/keep-resources.js';
import { prepareGivenImage } from './given-image/prepare-given-image.js';
import { importImage } from './given-image/import-image.js';
import { publishImport } from './given-image/publish-import.js';
import { planImport } from './plan/plan-import.js';
import { readSystem } from './guest/read-system.js';
import { prepareMedia } from './media/prepare-media.js';
import { planBaseImage } from './plan/plan-base-image.js';
import { waitForPowerOff } from './installer/wait-for-power-off.js';
import { writeFinalRecord } from './records/write-final-record.js';
import { findResumePoint } from './resume/find-resume-point.js';
import { replanBaseImage } from './plan/replan-base-image.js';
import { openSession } from './guest/open-session.js';
import { snapshotServer } from './images/snapshot-server.js';
import { planSweep } from './sweep/plan-sweep.js';
import { uploadVolume } from './images/upload-volume.js';
import { createVolumes } from './instance/create-volumes.js';
import { returnCompletedImage } from './images/return-completed-image.js';
import { publishJeos } from './images/publish-jeos.js';
import { downloadBody } from './records/download-body.js';
import { deleteImage } from './deletion/delete-image.js';
import { readLogs } from './records/read-logs.js';
import { readRecords } from './records/read-records.js';
import { removeLeftovers } from './sweep/remove-leftovers.js';
import { readResumePoint } from './resume/read-resume-point.js';
import { writeIcicle } from './guest/write-icicle.js';
import { cleanGuest } from './guest/clean-guest.js';
import { closeSession } from './guest/close-session.js';
import { shutDownGuest } from './guest/shut-down-guest.js';
import { createSshAccess } from './instance/create-ssh-access.js';
import { deleteServer } from './instance/delete-server.js';
import { convertImage } from './convert/convert-image.js';
import { packRootFileSystem } from './convert/pack-root-file-system.js';
import { checkGuest } from './guest/check-guest.js';
import { publishPrepared } from './prepare/publish-prepared.js';
import { waitForPrepared } from './prepare/wait-for-prepared.js';
import { forgetCredentials, prepareCredentials } from './shared/credentials.js';
import { endPush } from './push/end-push.js';
import { planProviderImage } from './push/plan-provider-image.js';
import { readProviders } from './push/read-providers.js';
import { registerImage } from './push/register-image.js';
import { shareImage } from './push/share-image.js';
import { sweepProvider } from './push/sweep-provider.js';
import { uploadToProvider } from './push/upload-image.js';
import { waitForTargetImage } from './push/wait-for-target-image.js';
import { fetchSource } from './convert/fetch-source.js';
import { removeWorkFiles } from './convert/remove-work-files.js';
import { planTargetImage } from './convert/plan-target-image.js';
import { verifyBoot } from './convert/verify-boot.js';
import { waitForBaseImage } from './convert/wait-for-base-image.js';
import { findEndedWorkflows } from './instance/find-ended-workflows.js';

/** The function of each activity. */
export const FUNCTIONS = {
  planBaseImage,
  replanBaseImage,
  findResumePoint,
  returnCompletedImage,
  waitForJeos,
  prepareGivenImage,
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
  createSshAccess,
  waitForAddress,
  waitForSsh,
  runTemplateStep,
  writeIcicle,
  cleanGuest,
  shutDownGuest,
  openSession,
  closeSession,
  publishBaseImage,
  downloadBody,
  waitForBaseImage,
  planImport,
  importImage,
  readSystem,
  publishImport,
  planTargetImage,
  waitForPrepared,
  checkGuest,
  publishPrepared,
  fetchSource,
  convertImage,
  verifyBoot,
  packRootFileSystem,
  waitForTargetImage,
  planProviderImage,
  uploadToProvider,
  registerImage,
  shareImage,
  endPush,
  sweepProvider,
  readProviders,
  prepareCredentials,
  forgetCredentials,
  removeWorkFiles,
  removeResources,
  keepResources,
  writeFinalRecord,
  deleteImage,
  readRecords,
  readLogs,
  readResumePoint,
  planSweep,
  removeLeftovers,
};

type Bound<F> = F extends (deps: Deps, input: infer I) => infer R ? (input: I) => R : never;

/** The activities, as workflows call them. Each takes one argument and can safely run twice. */
export type Activities = { [K in keyof typeof FUNCTIONS]: Bound<(typeof FUNCTIONS)[K]> };

export type ActivityName = keyof Activities;
