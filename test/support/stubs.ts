import { randomUUID } from 'node:crypto';
import { Context } from '@temporalio/activity';
import type { Activities } from '../../src/activities/index.js';
import type { BaseImageInput } from '../../src/domain/base-image-input.js';
import type { BaseImageResult, JeosImageInput } from '../../src/domain/messages.js';
import type { ConvertedDisk } from '../../src/domain/target-image-result.js';
import { parseParameters } from '../../src/domain/parameters.js';
import type { PlannedPush } from '../../src/activities/push/plan-provider-image.js';
import type { RegisteredImage } from '../../src/domain/provider-image.js';
import type { PlannedTarget } from '../../src/activities/convert/plan-target-image.js';
import type { PlannedBuild } from '../../src/activities/plan/planned-build.js';
import type { WriteFinalRecordInput } from '../../src/activities/records/write-final-record.js';

/** The plan that the stubs return: packages, and one command. */
export const PLAN: PlannedBuild = {
  name: 'tiny',
  imageName: 'tiny-base',
  os: { name: 'Debian', version: '12', arch: 'x86_64' },
  osLabel: 'Debian 12 x86_64',
  jeosDigest: 'abc',
  jeosWorkflowId: 'jeos-here-abc',
  jeosDocumentsId: 'd',
  flavorId: '2',
  networkId: 'n',
  queueId: 'create_queue-p',
  minDisk: 5,
  guestSteps: [
    { name: 'packages', title: 'install the packages', digest: 'p' },
    { name: 'command:1', title: 'run command 1', digest: 'c' },
  ],
  warnings: [],
  bodyPath: '/s/body',
};

/** Where the image was that the stubs find instead of a JEOS. */
const GIVEN = { source: 'glance:given', checksum: null };

/** The plan of a target image that the stubs return. */
export const TARGET_PLAN: PlannedTarget = {
  name: 'tiny',
  imageName: 'tiny-qcow2',
  os: PLAN.os,
  firmware: 'bios',
  secureBoot: false,
  target: 'qcow2',
  format: 'qcow2',
  source: { imageId: 'base-image', diskFormat: 'qcow2', size: 7 },
  machine: { disk: 'virtio-blk', network: 'virtio-net' },
  bodyPath: '/s/body',
  isConverted: false,
};

const CONVERTED: ConvertedDisk = {
  size: 7,
  virtualSize: 9,
  sha256: 'a',
  sha512: 'b',
  verifiedBy: 'a stub',
  converter: 'a stub',
};

/** The plan of a push. */
export const PLANNED_PUSH: PlannedPush = {
  name: 'debian-12-vmdk',
  template: 'debian-12',
  os: { name: 'Debian', version: '12', arch: 'x86_64' },
  kind: 'glance',
  location: 'Glance of cloud b',
  size: 1,
  bodyPath: '/store/target.body',
};

/** What a push has registered. */
export const REGISTERED: RegisteredImage = {
  id: 'registered',
  location: 'glance:b/registered',
  resources: [],
  verifiedBy: 'a stub',
};

/**
 * Creates activities that succeed at once. Each activity adds its name to `calls`, except `writeFinalRecord`, which
 * adds its input to `records`.
 */
export function stubs(calls: string[], records: WriteFinalRecordInput[] = []): Activities {
  const note = <T>(name: string, result: T) => {
    return async (): Promise<T> => {
      calls.push(name);
      return result;
    };
  };
  return {
    planBaseImage: note('plan', PLAN),
    replanBaseImage: note('replan', PLAN),
    openSession: note('open', { host: '192.0.2.1', user: 'debian', hostKeys: [] }),
    closeSession: note('close', undefined),
    findResumePoint: note('remains', {}),
    returnCompletedImage: note('built', {} as BaseImageResult),
    keepResources: note('keep', { resources: [] }),
    waitForJeos: note('jeos', { imageId: 'jeos-image', reused: true, proven: true }),
    waitForBaseImage: note('wait-for-base', undefined),
    planImport: note('plan', PLAN),
    importImage: note('import', { imageId: 'imported', reused: false, proven: true, own: true, given: GIVEN }),
    readSystem: note('system', {
      os: { name: 'Debian', version: '12', arch: 'x86_64' },
      osLabel: 'Debian 12 x86_64',
      listsPackages: true,
    }),
    publishImport: note('publish', {
      imageId: 'imported',
      checksum: null,
      checksumMd5: null,
      size: 1,
      minDisk: 1,
    }),
    planTargetImage: note('plan', TARGET_PLAN),
    waitForPrepared: note('prepare', { source: TARGET_PLAN.source, reused: true }),
    checkGuest: note('check', { note: 'a stub' }),
    publishPrepared: note('publish-prepared', undefined),
    fetchSource: note('fetch', undefined),
    convertImage: note('convert', CONVERTED),
    verifyBoot: note('verify', { verifiedBy: 'a stub' }),
    packRootFileSystem: note('pack', CONVERTED),
    waitForTargetImage: note('wait-for-target', undefined),
    planProviderImage: note('plan', PLANNED_PUSH),
    uploadToProvider: note('upload', { ids: { image: 'uploaded' }, sent: 1, verifiedBy: 'a stub' }),
    registerImage: note('register', REGISTERED),
    shareImage: note('share', ['other']),
    endPush: note('end', []),
    sweepProvider: note('sweep-provider', []),
    readProviders: note('providers', []),
    forgetCredentials: note('forget', undefined),
    prepareCredentials: note('key', { keyId: 'key', publicKey: '' }),
    removeWorkFiles: note('remove-work', undefined),
    prepareGivenImage: note('given-image', { imageId: 'given', reused: true, proven: true, given: GIVEN }),
    prepareMedia: note('media', { kernelId: 'k', ramdiskId: 'r', notes: [] }),
    createBootImage: note('boot-image', { imageId: 'boot' }),
    findEndedWorkflows: note('ended', { ended: [], at: 0 }),
    createVolumes: note('volumes', { root: 'v', media: [] }),
    createServer: note('server', { serverId: 's', slot: false }),
    waitForPowerOff: note('off', { seconds: 1, consoleTail: 'reboot: Power down' }),
    snapshotServer: note('snapshot', { imageId: 'base-image', size: 7 }),
    uploadVolume: note('upload', { imageId: 'base-image', size: 7 }),
    publishJeos: note('publish-jeos', undefined),
    deleteServer: note('delete', undefined),
    createSshAccess: note('access', { keyName: 'k', securityGroupId: 'g' }),
    waitForAddress: note('address', { host: '192.0.2.1' }),
    waitForSsh: note('ssh', undefined),
    runTemplateStep: note('step', undefined),
    writeIcicle: note('icicle', { packages: 3 }),
    cleanGuest: note('clean', undefined),
    shutDownGuest: note('shutdown', undefined),
    publishBaseImage: note('publish', {
      imageId: 'base-image',
      checksum: { algorithm: 'sha512', value: 'ff' },
      checksumMd5: null,
      size: 7,
      minDisk: 5,
    }),
    downloadBody: note('download', { bytes: 7 }),
    removeResources: note('cleanup', { removed: [], leftovers: [] }),
    writeFinalRecord: async (record) => {
      records.push(record);
    },
    deleteImage: note('delete-image', { removed: [], found: true }),
    readResumePoint: note('read-remains', { from: 'nothing', what: 'the beginning' }),
    readLogs: note('read-logs', { isKnown: false, logs: [], text: '' }),
    readRecords: note('read', { records: [], total: 0 }),
    planSweep: note('plan-sweep', { removals: [], kept: [], unnamed: 0, postponed: 0 }),
    removeLeftovers: note('remove-left', { removed: [], failed: [] }),
  };
}

export function inputOf(parameters: Record<string, unknown> = {}): BaseImageInput {
  return {
    uuid: randomUUID(),
    template: '<template/>',
    templateName: 'tiny.tdl',
    parameters: parseParameters(parameters),
    cloud: 'here',
  };
}

/** Creates an activity that runs until it is cancelled. `entered` resolves when the activity has started. */
export function parked(): { entered: Promise<void>; activity: () => Promise<never> } {
  let enter: () => void = () => {};
  const entered = new Promise<void>((resolve) => {
    enter = resolve;
  });
  return {
    entered,
    activity: async () => {
      enter();
      return Context.current().cancelled;
    },
  };
}

/** The input of the installer run in the plan that the stubs return. */
export const JEOS_INPUT: JeosImageInput = {
  cloud: 'here',
  digest: '1',
  documentsId: 'd',
  name: 'tiny',
  osLabel: 'Debian 12 x86_64',
  flavorId: '2',
  networkId: 'n',
  minDisk: 5,
  deadlines: { install_timeout: 60, inactivity_timeout: 30, boot_timeout: 5, shutdown_timeout: 5, snapshot_timeout: 5 },
  mediaTimeout: 60,
  quotaTimeout: 60,
  heartbeatTimeout: 60,
  queueId: 'create_queue-p',
};
