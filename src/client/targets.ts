import { randomUUID } from 'node:crypto';
import { workflowIdFor } from '../domain/image-kinds.js';
import { WORKFLOWS } from '../domain/messages.js';
import { SEARCH_ATTRIBUTES } from '../domain/search-attributes.js';
import type { TargetImageInput, TargetParameters } from '../domain/target-image-input.js';
import { findTarget } from '../domain/targets.js';
import type { StartedBuild } from './builds.js';
import type { ImageFactoryClient } from './connection.js';
import { BuildNotFoundError, BuildStateError } from './errors.js';
import { findImage } from './images.js';
import { callTemporal } from './temporal-errors.js';
import { describeUser } from './user.js';

export { findTarget, TARGETS, type Target } from '../domain/targets.js';

/** What a target image is made from, and for what. */
export interface TargetRequest {
  /** Name of the target, or one of its aliases: see {@link TARGETS}. */
  target: string;
  /** UUID of a complete base image. */
  baseImage: string;
  parameters?: TargetParameters;
}

/**
 * Starts to make a target image from a base image: the base image is downloaded, converted to the format of the target,
 * and compared. Returns as soon as Temporal has accepted it.
 *
 * @example
 * const { uuid } = await startTargetImage(client, { target: 'vsphere', baseImage });
 *
 * @throws FactoryError `InvalidParameter` when there is no such target
 * @throws BuildNotFoundError when the store has no base image of this UUID
 * @throws BuildStateError when the base image is not complete, or is no base image
 * @throws NoWorkerError when no worker can read the store
 * @throws ClientError when Temporal refuses
 */
export async function startTargetImage(client: ImageFactoryClient, request: TargetRequest): Promise<StartedBuild> {
  const { name: target, title } = findTarget(request.target);
  const base = await findImage(client, request.baseImage);
  if (base === undefined) throw new BuildNotFoundError(request.baseImage);
  const { identifier: baseImage, status, type, name = '', cloud = '', os } = base;
  if (type !== 'BaseImage') throw new BuildStateError(baseImage, `image ${baseImage} is no base image`);
  if (status !== 'COMPLETE') {
    throw new BuildStateError(baseImage, `base image ${baseImage} is ${status ?? 'unknown'}, not COMPLETE`, {
      hint: `imagefactory watch ${baseImage} follows its build`,
    });
  }
  const uuid = randomUUID();
  const workflowId = workflowIdFor('target_image', uuid);
  const input: TargetImageInput = { uuid, target, baseImage, cloud, parameters: request.parameters ?? {} };
  const system = [os?.name, os?.version, os?.arch].filter(Boolean).join(' ');
  const handle = await callTemporal(() =>
    client.withTimeout(() =>
      client.temporal.workflow.start(WORKFLOWS.targetImage, {
        args: [input],
        workflowId,
        taskQueue: client.taskQueue,
        workflowIdConflictPolicy: 'FAIL',
        workflowIdReusePolicy: 'REJECT_DUPLICATE',
        staticSummary: `target image of ${name} for ${target}: ${system}`.slice(0, 190),
        staticDetails: [
          `Target image of **${name}** (${system}) for ${title}`,
          '',
          `- UUID: \`${uuid}\``,
          `- base image: \`${baseImage}\``,
          `- started by: ${describeUser()}`,
        ].join('\n'),
        memo: { target, base_image: baseImage, cloud, started_by: describeUser() },
        typedSearchAttributes: [
          { key: SEARCH_ATTRIBUTES.imageType, value: 'target_image' },
          { key: SEARCH_ATTRIBUTES.template, value: name },
          { key: SEARCH_ATTRIBUTES.phase, value: 'plan' },
          { key: SEARCH_ATTRIBUTES.status, value: 'NEW' },
        ],
      }),
    ),
  );
  return { uuid, workflowId, runId: handle.firstExecutionRunId };
}
