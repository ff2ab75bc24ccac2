import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { WorkflowHandle } from '@temporalio/client';
import { workflowIdFor } from '../../src/domain/image-kinds.js';
import { WORKFLOWS } from '../../src/domain/messages.js';
import type { BuildRecord } from '../../src/domain/record.js';
import type { TargetImageInput } from '../../src/domain/target-image-input.js';
import type { TargetImageResult } from '../../src/domain/target-image-result.js';
import type { TestEnv } from './test-env.js';

type TargetImage = (input: TargetImageInput) => Promise<TargetImageResult>;
export type TargetHandle = WorkflowHandle<TargetImage>;

/** Starts to make a target image, without the command. The same UUID again starts another run of the same image. */
export async function startTarget(
  env: TestEnv,
  given: Pick<TargetImageInput, 'target' | 'baseImage'> & Partial<TargetImageInput>,
): Promise<TargetHandle> {
  const input: TargetImageInput = {
    uuid: randomUUID(),
    cloud: 'envvars',
    parameters: {},
    heartbeatTimeout: 4,
    ...given,
  };
  return env.temporal.client.workflow.start<TargetImage>(WORKFLOWS.targetImage, {
    taskQueue: env.taskQueue,
    workflowId: workflowIdFor('target_image', input.uuid),
    args: [input],
  });
}

/** Reads the record of an image from the store. */
export async function readRecord({ storage }: Pick<TestEnv, 'storage'>, uuid: string): Promise<BuildRecord> {
  return JSON.parse(await readFile(join(storage, `${uuid}.meta`), 'utf8')) as BuildRecord;
}
