import type { Activities } from '../../src/activities/index.js';
import { CLOSE_SESSION_UPDATE, OPEN_SESSION_UPDATE, type ResumeRequest } from '../../src/domain/messages.js';
import { PLAN } from '../../test/support/stubs.js';
import { broken, brokenAtFirst, build, heldSince, resume, type Scenario } from './scenario.js';

const HOLD = { on_error: 'hold' };

/** A build whose first step of the template fails once, is held, and is told how to go on. */
function heldAndThen(name: string, request: ResumeRequest, activities: Partial<Activities> = {}): Scenario {
  return build(name, {
    parameters: HOLD,
    activities: { runTemplateStep: brokenAtFirst(undefined), ...activities },
    act: async (handle) => {
      await heldSince(handle);
      await resume(handle, request);
    },
  });
}

/** A build that is held twice, and tried again each time. */
function heldTwice(name: string, activities: Partial<Activities>): Scenario {
  return build(name, {
    parameters: HOLD,
    activities,
    act: async (handle) => {
      const first = await heldSince(handle);
      await resume(handle, { action: 'retry' });
      // Of two that fail together the first may be tried again before the second has failed, or with it.
      if ((await heldSince(handle, first)) !== undefined) await resume(handle, { action: 'retry' });
    },
  });
}

/** Every way that a build with `on_error hold` can go. */
export function held(): Scenario[] {
  const published = { imageId: 'base-image', checksum: null, checksumMd5: null, size: 7, minDisk: 5 };
  const template = '<template>corrected</template>';
  const session = { publicKey: 'ssh-ed25519 AAAA' };
  return [
    heldAndThen('held-retry', { action: 'retry', parameters: { command_timeout: 60 } }),
    heldAndThen('held-skip', { action: 'skip' }),
    heldAndThen('held-abort', { action: 'abort' }),
    heldAndThen(
      'held-replanned',
      { action: 'retry', template },
      {
        replanBaseImage: async () => ({
          ...PLAN,
          guestSteps: [...PLAN.guestSteps, { name: 'command:2', title: 'run command 2', digest: 'd' }],
        }),
      },
    ),
    // The step that failed is no more in the template.
    heldAndThen(
      'held-shortened',
      { action: 'retry', template },
      { replanBaseImage: async () => ({ ...PLAN, guestSteps: [] }) },
    ),
    heldTwice('held-twice', { runTemplateStep: brokenAtFirst(undefined, 2) }),
    heldTwice('held-jeos', { waitForJeos: brokenAtFirst({ imageId: 'j', reused: false, proven: false }, 2) }),
    // Two steps run at once, and both fail: one is held after the other.
    heldTwice('held-publish', {
      publishBaseImage: brokenAtFirst(published),
      deleteServer: brokenAtFirst(undefined),
    }),
    build('held-refused', {
      parameters: HOLD,
      activities: { runTemplateStep: broken, replanBaseImage: broken },
      act: async (handle) => {
        await heldSince(handle);
        await resume(handle, { action: 'retry', template }).catch(() => undefined);
        await resume(handle, { action: 'abort' });
      },
    }),
    build('held-expired', { parameters: { ...HOLD, hold_for: 1 }, activities: { runTemplateStep: broken } }),
    build('held-canceled', {
      parameters: HOLD,
      activities: { runTemplateStep: broken },
      act: async (handle) => {
        await heldSince(handle);
        await handle.cancel();
      },
    }),
    build('held-session', {
      parameters: HOLD,
      activities: { runTemplateStep: brokenAtFirst(undefined) },
      act: async (handle) => {
        await heldSince(handle);
        await handle.executeUpdate(OPEN_SESSION_UPDATE, { args: [session] });
        await handle.executeUpdate(CLOSE_SESSION_UPDATE, { args: [session] });
        await resume(handle, { action: 'retry' });
      },
    }),
  ];
}
