import { randomUUID } from 'node:crypto';
import type { Activities } from '../../src/activities/index.js';
import type { ProviderImageInput } from '../../src/domain/provider-image-input.js';
import { parked, PLANNED_PUSH, REGISTERED } from '../../test/support/stubs.js';
import { fail, failAtFirst, sendResume, waitForHold, type Scenario } from './scenario.js';

/** Creates the scenario of a push. `input` replaces parts of its input. */
function createPush(
  name: string,
  {
    input,
    ...given
  }: { input?: Partial<ProviderImageInput>; activities?: Partial<Activities>; act?: Scenario['act'] } = {},
): Scenario {
  const [uuid, targetImage] = [randomUUID(), randomUUID()];
  const all: ProviderImageInput = {
    uuid,
    targetImage,
    provider: { name: 'other' },
    cloud: 'here',
    parameters: {},
    heartbeatTimeout: 4,
  };
  return { name, workflow: 'providerImage', input: { ...all, ...input }, ...given };
}

/** Lists one scenario for each way in which a push can go. */
export function listProviderImages(): Scenario[] {
  const uploading = parked();
  const hold: Partial<ProviderImageInput> = { parameters: { on_error: 'hold' } };
  const credentials = { keyId: 'key', text: 'sealed' };
  return [
    createPush('provider-complete'),
    createPush('provider-shared', { input: { parameters: { share: 'one,two' } } }),
    createPush('provider-waited', { input: { waitForTarget: true } }),
    createPush('provider-failed-target', { input: { waitForTarget: true }, activities: { waitForTargetImage: fail } }),
    createPush('provider-failed-plan', { activities: { planProviderImage: fail } }),
    // A push with credentials of its own forgets them, also when it fails before it has made anything.
    createPush('provider-failed-credentials', {
      input: { provider: { name: 'other', credentials } },
      activities: { planProviderImage: fail },
    }),
    createPush('provider-failed', { activities: { registerImage: fail } }),
    // An earlier run has registered the image.
    createPush('provider-found', {
      activities: { planProviderImage: async () => ({ ...PLANNED_PUSH, registered: REGISTERED }) },
    }),
    createPush('provider-canceled', {
      activities: { uploadToProvider: uploading.activity },
      act: async (handle) => {
        await uploading.entered;
        await handle.cancel();
      },
    }),
    createPush('provider-held', {
      input: hold,
      activities: { registerImage: failAtFirst(REGISTERED) },
      act: async (handle) => {
        await waitForHold(handle);
        await sendResume(handle, { action: 'retry', parameters: { share: 'three' } });
      },
    }),
    createPush('provider-held-abort', {
      input: hold,
      activities: { uploadToProvider: fail },
      act: async (handle) => {
        await waitForHold(handle);
        await sendResume(handle, { action: 'abort' });
      },
    }),
  ];
}
