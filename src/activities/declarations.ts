import type { QueueKind } from '../domain/task-queues.js';
import type { ActivityName } from './functions.js';

/** How an activity runs. */
export interface ActivityDeclaration {
  /** The task queue on which the activity runs. */
  queue: QueueKind;
  /**
   * Whether the activity is rejected when its build has already completed: after a reset of a completed build, nothing
   * may be created or changed for it again. The activities of target images and provider images need no guard, because
   * they return what they find complete.
   */
  guarded: boolean;
}

/**
 * Every activity, in the order of a build. Workflows import this table, so it contains no code that calls the outside
 * world; the functions are in `functions.ts`. Each row needs a function and each function needs a row, or the code does
 * not compile.
 */
export const ACTIVITY_DECLARATIONS: { readonly [K in ActivityName]: ActivityDeclaration } = {
  planBaseImage: { queue: 'control', guarded: true },
  replanBaseImage: { queue: 'control', guarded: false },
  findResumePoint: { queue: 'wait', guarded: true },
  returnCompletedImage: { queue: 'control', guarded: false },
  waitForJeos: { queue: 'wait', guarded: true },
  prepareGivenImage: { queue: 'transfer', guarded: true },
  prepareMedia: { queue: 'transfer', guarded: false },
  createBootImage: { queue: 'transfer', guarded: false },
  findEndedWorkflows: { queue: 'control', guarded: false },
  createVolumes: { queue: 'wait', guarded: true },
  createServer: { queue: 'wait', guarded: true },
  waitForPowerOff: { queue: 'wait', guarded: false },
  snapshotServer: { queue: 'wait', guarded: true },
  uploadVolume: { queue: 'wait', guarded: true },
  publishJeos: { queue: 'control', guarded: false },
  deleteServer: { queue: 'wait', guarded: false },
  createSshAccess: { queue: 'control', guarded: true },
  waitForAddress: { queue: 'wait', guarded: true },
  waitForSsh: { queue: 'wait', guarded: true },
  runTemplateStep: { queue: 'wait', guarded: true },
  writeIcicle: { queue: 'wait', guarded: true },
  cleanGuest: { queue: 'wait', guarded: true },
  shutDownGuest: { queue: 'wait', guarded: true },
  openSession: { queue: 'control', guarded: false },
  closeSession: { queue: 'control', guarded: false },
  publishBaseImage: { queue: 'control', guarded: true },
  downloadBody: { queue: 'transfer', guarded: true },
  waitForBaseImage: { queue: 'wait', guarded: false },
  planImport: { queue: 'control', guarded: true },
  importImage: { queue: 'transfer', guarded: true },
  readSystem: { queue: 'wait', guarded: true },
  publishImport: { queue: 'control', guarded: true },
  planTargetImage: { queue: 'control', guarded: false },
  fetchSource: { queue: 'convert', guarded: false },
  waitForPrepared: { queue: 'wait', guarded: false },
  checkGuest: { queue: 'wait', guarded: false },
  publishPrepared: { queue: 'control', guarded: false },
  convertImage: { queue: 'convert', guarded: false },
  verifyBoot: { queue: 'convert', guarded: false },
  packRootFileSystem: { queue: 'convert', guarded: false },
  waitForTargetImage: { queue: 'wait', guarded: false },
  planProviderImage: { queue: 'wait', guarded: false },
  uploadToProvider: { queue: 'transfer', guarded: false },
  registerImage: { queue: 'wait', guarded: false },
  shareImage: { queue: 'wait', guarded: false },
  endPush: { queue: 'wait', guarded: false },
  sweepProvider: { queue: 'wait', guarded: false },
  readProviders: { queue: 'wait', guarded: false },
  forgetCredentials: { queue: 'control', guarded: false },
  prepareCredentials: { queue: 'control', guarded: false },
  removeWorkFiles: { queue: 'control', guarded: false },
  removeResources: { queue: 'wait', guarded: false },
  keepResources: { queue: 'control', guarded: false },
  writeFinalRecord: { queue: 'control', guarded: false },
  deleteImage: { queue: 'wait', guarded: false },
  readRecords: { queue: 'control', guarded: false },
  readLogs: { queue: 'control', guarded: false },
  readResumePoint: { queue: 'control', guarded: false },
  planSweep: { queue: 'wait', guarded: false },
  removeLeftovers: { queue: 'wait', guarded: false },
};
