import { randomUUID } from 'node:crypto';
import type { Activities } from '../../src/activities/index.js';
import type { ImportInput } from '../../src/domain/import-input.js';
import { JOIN_SIGNAL, LEAVE_SIGNAL } from '../../src/domain/messages.js';
import type { PreparedImageInput } from '../../src/domain/prepared-image.js';
import { inputOf, parked, PLAN, TARGET_PLAN } from '../../test/support/stubs.js';
import { fail, type Scenario } from './scenario.js';
import { createTarget } from './target-images.js';

const { parameters } = inputOf();
const { install_timeout, inactivity_timeout, boot_timeout, shutdown_timeout, snapshot_timeout } = parameters;

/** Input of a run that prepares a base image. */
const PREPARED: PreparedImageInput = {
  uuid: randomUUID(),
  cloud: 'here',
  digest: 'd',
  base: { uuid: randomUUID(), imageId: 'base-image', name: 'tiny' },
  osLabel: PLAN.osLabel,
  plan: PLAN,
  parameters,
  requirements: { drivers: ['vmw_pvscsi'], modules: [], kernelArguments: [] },
  deadlines: { install_timeout, inactivity_timeout, boot_timeout, shutdown_timeout, snapshot_timeout },
  heartbeatTimeout: 4,
};

const PREPARED_PLAN = { ...TARGET_PLAN, target: 'vsphere', format: 'vmdk' as const, preparation: PREPARED };

const ROOT_PLAN = {
  ...TARGET_PLAN,
  target: 'oci',
  format: 'oci' as const,
  root: { instance: PLAN, parameters, minDisk: 5 },
};

/** Creates the scenario of a run that the target image `build-1` has started. `act` sends requests to the run. */
function createPrepared(name: string, activities: Partial<Activities> = {}, act?: Scenario['act']): Scenario {
  return {
    name,
    workflow: 'preparedImage',
    input: PREPARED,
    signal: { name: JOIN_SIGNAL, args: ['build-1'] },
    activities,
    ...(act === undefined ? {} : { act }),
  };
}

/** Lists one scenario for each way in which a preparation goes, and a target image that needs an instance. */
export function listPreparedImages(): Scenario[] {
  const [checking, waiting, packing] = [parked(), parked(), parked()];
  const importing: ImportInput = { ...inputOf({ jeos: 'glance:x' }), heartbeatTimeout: 4, boots: true };
  const planTargetImage = async (): Promise<typeof PREPARED_PLAN> => PREPARED_PLAN;
  const planRoot = async (): Promise<typeof ROOT_PLAN> => ROOT_PLAN;
  return [
    createPrepared('prepared-complete'),
    createPrepared('prepared-failed', { checkGuest: fail }),
    createPrepared('prepared-canceled', { checkGuest: checking.activity }, async (handle) => {
      await checking.entered;
      await handle.signal(LEAVE_SIGNAL, 'build-1');
    }),
    createTarget('target-prepared', { activities: { planTargetImage } }),
    createTarget('target-prepared-canceled', {
      activities: { planTargetImage, waitForPrepared: waiting.activity },
      act: async (handle) => {
        await waiting.entered;
        await handle.cancel();
      },
    }),
    createTarget('target-verified', { input: { parameters: { verify: 'boot' } } }),
    createTarget('target-verify-failed', {
      input: { parameters: { verify: 'boot' } },
      activities: { verifyBoot: fail },
    }),
    createTarget('target-root', { activities: { planTargetImage: planRoot } }),
    createTarget('target-root-canceled', {
      activities: { planTargetImage: planRoot, packRootFileSystem: packing.activity },
      act: async (handle) => {
        await packing.entered;
        await handle.cancel();
      },
    }),
    { name: 'import-complete', workflow: 'importBaseImage', input: importing },
    {
      name: 'import-without-boot',
      workflow: 'importBaseImage',
      input: { ...importing, boots: false },
    },
    { name: 'import-failed', workflow: 'importBaseImage', input: importing, activities: { readSystem: fail } },
  ];
}
