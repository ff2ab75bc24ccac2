import type { Activities } from '../../src/activities/index.js';
import { CLOSE_SESSION_UPDATE, OPEN_SESSION_UPDATE, type ResumeRequest } from '../../src/domain/messages.js';
import { PLAN } from '../../test/support/stubs.js';
import { fail, failAtFirst, createBuild, waitForHold, sendResume, type Scenario } from './scenario.js';

const HOLD = { on_error: 'hold' };

/**
 * Creates the scenario of a build that is held after the first failure of a guest step, and then gets the given resume
 * request.
 */
function createHeld(name: string, request: ResumeRequest, activities: Partial<Activities> = {}): Scenario {
  return createBuild(name, {
    parameters: HOLD,
    activities: { runTemplateStep: failAtFirst(undefined), ...activities },
    act: async (handle) => {
      await waitForHold(handle);
      await sendResume(handle, request);
    },
  });
}

/** Creates the scenario of a build that is held twice, and is retried both times. */
function createHeldTwice(name: string, activities: Partial<Activities>): Scenario {
  return createBuild(name, {
    parameters: HOLD,
    activities,
    act: async (handle) => {
      const first = await waitForHold(handle);
      await sendResume(handle, { action: 'retry' });
      // When two steps fail at about the same time, the first retry may come after both failures. Then the build may
      // end without a second hold.
      if ((await waitForHold(handle, first)) !== undefined) await sendResume(handle, { action: 'retry' });
    },
  });
}

/** Lists one scenario for each way in which a build with `on_error hold` can go. */
export function listHeldBuilds(): Scenario[] {
  const published = { imageId: 'base-image', checksum: null, checksumMd5: null, size: 7, minDisk: 5 };
  const template = '<template>corrected</template>';
  const session = { publicKey: 'ssh-ed25519 AAAA' };
  return [
    createHeld('held-retry', { action: 'retry', parameters: { command_timeout: 60 } }),
    createHeld('held-skip', { action: 'skip' }),
    createHeld('held-abort', { action: 'abort' }),
    createHeld(
      'held-replanned',
      { action: 'retry', template },
      {
        replanBaseImage: async () => ({
          ...PLAN,
          guestSteps: [...PLAN.guestSteps, { name: 'command:2', title: 'run command 2', digest: 'd' }],
        }),
      },
    ),
    // The corrected template no longer has the step that failed.
    createHeld(
      'held-shortened',
      { action: 'retry', template },
      { replanBaseImage: async () => ({ ...PLAN, guestSteps: [] }) },
    ),
    createHeldTwice('held-twice', { runTemplateStep: failAtFirst(undefined, 2) }),
    createHeldTwice('held-jeos', { waitForJeos: failAtFirst({ imageId: 'j', reused: false, proven: false }, 2) }),
    // Two steps run at the same time, and both fail. The build is held for the first failed step, then for the second.
    createHeldTwice('held-publish', {
      publishBaseImage: failAtFirst(published),
      deleteServer: failAtFirst(undefined),
    }),
    createBuild('held-refused', {
      parameters: HOLD,
      activities: { runTemplateStep: fail, replanBaseImage: fail },
      act: async (handle) => {
        await waitForHold(handle);
        await sendResume(handle, { action: 'retry', template }).catch(() => undefined);
        await sendResume(handle, { action: 'abort' });
      },
    }),
    createBuild('held-expired', { parameters: { ...HOLD, hold_for: 1 }, activities: { runTemplateStep: fail } }),
    createBuild('held-canceled', {
      parameters: HOLD,
      activities: { runTemplateStep: fail },
      act: async (handle) => {
        await waitForHold(handle);
        await handle.cancel();
      },
    }),
    createBuild('held-session', {
      parameters: HOLD,
      activities: { runTemplateStep: failAtFirst(undefined) },
      act: async (handle) => {
        await waitForHold(handle);
        await handle.executeUpdate(OPEN_SESSION_UPDATE, { args: [session] });
        await handle.executeUpdate(CLOSE_SESSION_UPDATE, { args: [session] });
        await sendResume(handle, { action: 'retry' });
      },
    }),
  ];
}
