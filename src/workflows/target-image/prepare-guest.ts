import type { PlannedTarget } from '../../activities/convert/plan-target-image.js';
import { getPreparedWorkflowId } from '../../domain/prepared-image.js';
import type { BuildContext } from '../lifecycle/build-context.js';
import { isCanceled } from '../lifecycle/failures.js';
import { leaveSharedRun } from '../lifecycle/shared-run.js';

/**
 * Prepares the base image for the target, where the target needs anything in the guest: finds the prepared image, or
 * joins the run that makes it. Returns the plan with the image that is converted.
 */
export async function prepareGuest(
  { ref, status, steps }: BuildContext<'target_image'>,
  planned: PlannedTarget,
): Promise<PlannedTarget> {
  const { preparation: prepared, os } = planned;
  if (prepared === undefined) return planned;
  const { quota_timeout, command_timeout } = prepared.parameters;
  const { boot_timeout, shutdown_timeout, snapshot_timeout } = prepared.deadlines;
  status.status.preparedWorkflowId = getPreparedWorkflowId(prepared.uuid);
  status.enterPhase('prepare');
  try {
    const { source, reused } = await steps.run(
      {
        name: 'prepare',
        title: `find the base image as ${planned.target} needs it, or prepare it in an instance`,
        budget: {
          total:
            quota_timeout +
            2 * boot_timeout +
            (prepared.plan.guestSteps.length + 2) * command_timeout +
            shutdown_timeout +
            snapshot_timeout +
            4 * 3600,
        },
        note: (found) => `${found.reused ? 'reused' : 'prepared as'} image ${found.source.imageId}`,
      },
      'waitForPrepared',
      { ref, prepared, os },
    );
    status.setResource('prepared_image', source.imageId);
    const done = prepared.plan.guestSteps.map(({ name }) => name);
    return {
      ...planned,
      source,
      prepared: { glance_id: source.imageId, digest: prepared.digest, reused, steps: done },
    };
  } catch (error) {
    if (isCanceled(error)) await leaveSharedRun(getPreparedWorkflowId(prepared.uuid), ref.uuid);
    throw error;
  }
}
