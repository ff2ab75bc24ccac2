import { randomUUID } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { workflowIdFor } from '../src/domain/image-kinds.js';
import { WORKFLOWS } from '../src/domain/messages.js';
import type { TargetImageResult } from '../src/domain/target-image-result.js';
import type { BuildRecord } from '../src/domain/record.js';
import type { TargetImageInput } from '../src/domain/target-image-input.js';
import { connectClouds } from '../src/openstack/index.js';
import { TestEnv } from '../test/support/test-env.js';
import { WorkerProcess } from '../test/support/worker-process.js';
import { makeDisk, uploadDisk } from './disk.js';
import { formatMebibytes, type Figure } from './report.js';

const DISK = { virtualSize: 20 * 1024 ** 3, data: 512 * 1024 ** 2 };
const TARGETS = ['vsphere', 'gce', 'qcow2', 'azure'];

/** Measures the memory of a worker that makes several target images of a large disk, and its reads of the base. */
export async function measureTargetWorker(folder: string): Promise<Figure[]> {
  const env = await TestEnv.start({ worker: false });
  let worker: WorkerProcess | undefined;
  try {
    worker = await WorkerProcess.start(env);
    const base = await makeBase(env, join(folder, 'large.qcow2'));
    const idle = await readMemory(worker, 'VmRSS');
    await Promise.all(TARGETS.map((target) => makeTarget(env, target, base)));
    const peak = await readMemory(worker, 'VmHWM');
    const reads = env.cloud.calls.list({ method: 'GET', path: /\/file$/ }).length;
    return [
      {
        name: `e. worker’s memory above idle, at its peak, with ${TARGETS.length} conversions of 20 GiB`,
        value: formatMebibytes(peak - idle),
        aim: '≤ 100 MiB',
      },
      { name: `f. reads of the base image for ${TARGETS.length} targets at once`, value: String(reads), aim: '1' },
    ];
  } finally {
    await worker?.kill();
    await env.close();
  }
}

/** Builds a base image, and gives its record a large disk. */
async function makeBase(env: TestEnv, path: string): Promise<string> {
  const { uuid } = await (await env.build(env.template({ name: 'base' }))).result();
  await makeDisk(path, DISK);
  const clouds = connectClouds({ env: env.cloud.env() });
  const { imageId } = await uploadDisk(clouds.get('envvars'), path).finally(() => clouds.close());
  const file = join(env.storage, `${uuid}.meta`);
  const record = JSON.parse(await readFile(file, 'utf8')) as BuildRecord;
  await writeFile(file, JSON.stringify({ ...record, glance_id: imageId, min_disk: 20 }));
  return uuid;
}

async function makeTarget(env: TestEnv, target: string, baseImage: string): Promise<TargetImageResult> {
  const uuid = randomUUID();
  const input: TargetImageInput = { uuid, target, baseImage, cloud: 'envvars', parameters: {} };
  return env.temporal.client.workflow.execute<(given: TargetImageInput) => Promise<TargetImageResult>>(
    WORKFLOWS.targetImage,
    { taskQueue: env.taskQueue, workflowId: workflowIdFor('target_image', uuid), args: [input] },
  );
}

async function readMemory({ pid }: WorkerProcess, field: 'VmRSS' | 'VmHWM'): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? NaN) * 1024;
}
