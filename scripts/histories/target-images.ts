import { randomUUID } from 'node:crypto';
import type { Activities } from '../../src/activities/index.js';
import type { TargetImageInput } from '../../src/domain/target-image-input.js';
import { parked, TARGET_PLAN } from '../../test/support/stubs.js';
import { fail, failAtFirst, sendResume, waitForHold, type Scenario } from './scenario.js';

/** Creates the scenario of a target image. `input` replaces parts of its input. */
export function createTarget(
  name: string,
  {
    input,
    ...given
  }: { input?: Partial<TargetImageInput>; activities?: Partial<Activities>; act?: Scenario['act'] } = {},
): Scenario {
  const { uuid, baseImage } = { uuid: randomUUID(), baseImage: randomUUID() };
  const all: TargetImageInput = {
    uuid,
    target: 'qcow2',
    baseImage,
    cloud: 'here',
    parameters: {},
    heartbeatTimeout: 4,
  };
  return { name, workflow: 'targetImage', input: { ...all, ...input }, ...given };
}

/** Lists one scenario for each way in which the build of a target image can go. */
export function listTargetImages(): Scenario[] {
  const converting = parked();
  const waiting = parked();
  const disk = { size: 7, virtualSize: 9, sha256: 'a', sha512: 'b', verifiedBy: 'a stub', converter: 'a stub' };
  const hold: Partial<TargetImageInput> = { parameters: { on_error: 'hold' } };
  return [
    createTarget('target-complete'),
    createTarget('target-waited', { input: { waitForBase: true } }),
    createTarget('target-failed-base', { input: { waitForBase: true }, activities: { waitForBaseImage: fail } }),
    createTarget('target-failed', { activities: { convertImage: fail } }),
    // An earlier run has converted the image.
    createTarget('target-resumed', {
      activities: { planTargetImage: async () => ({ ...TARGET_PLAN, isConverted: true }) },
    }),
    createTarget('target-canceled', {
      activities: { convertImage: converting.activity },
      act: async (handle) => {
        await converting.entered;
        await handle.cancel();
      },
    }),
    createTarget('target-canceled-waiting', {
      input: { waitForBase: true },
      activities: { waitForBaseImage: waiting.activity },
      act: async (handle) => {
        await waiting.entered;
        await handle.cancel();
      },
    }),
    createTarget('target-held', {
      input: hold,
      activities: { convertImage: failAtFirst(disk) },
      act: async (handle) => {
        await waitForHold(handle);
        await sendResume(handle, { action: 'retry', parameters: { hold_for: 60 } });
      },
    }),
    createTarget('target-held-abort', {
      input: hold,
      activities: { fetchSource: fail },
      act: async (handle) => {
        await waitForHold(handle);
        await sendResume(handle, { action: 'abort' });
      },
    }),
  ];
}
