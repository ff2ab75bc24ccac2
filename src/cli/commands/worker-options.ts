import { defined } from '../../domain/defined.js';
import { QUEUE_KINDS, type QueueKind } from '../../domain/task-queues.js';
import type { WorkerOptions } from '../../worker/run.js';
import { loadPayloadKeys, type Settings } from '../config.js';
import { UsageError } from '../errors.js';
import { readVersion } from '../version.js';

/** Makes the options that every worker of this program has. */
export function toWorkerOptions(settings: Settings, env: NodeJS.ProcessEnv): WorkerOptions {
  const { taskQueue, storagePath, logFormat, workerAddresses, filesFrom, allowAddresses, imageCache } = settings;
  // This variable passes --insecure to the code that reads the cloud's configuration. python-openstackclient reads the
  // same variable.
  if (settings.insecure) env['OS_INSECURE'] = 'true';
  return {
    release: readVersion(),
    taskQueue,
    storagePath,
    cachePath: settings.imgdir,
    logFormat,
    logLevel: settings.debug ? 'debug' : 'info',
    ...defined({
      payloadKeys: loadPayloadKeys(settings, env),
      limits: toCloudLimits(settings),
      providers: settings.providers,
      workerAddresses,
      filesFrom,
      allowAddresses,
      lanes: parseLanes(settings.lanes),
      imageCacheSize: imageCache === undefined ? undefined : imageCache * 1024 ** 3,
    }),
  };
}

/** Checks the names of the task queues that a worker polls. @throws UsageError when there is no such task queue */
function parseLanes(names: readonly string[] | undefined): QueueKind[] | undefined {
  if (names === undefined) return undefined;
  const unknown = names.find((name) => !QUEUE_KINDS.some((kind) => kind === name));
  if (unknown !== undefined || names.length === 0) {
    throw new UsageError(
      `--lanes: ${JSON.stringify(unknown ?? '')} is no task queue: the names are ${QUEUE_KINDS.join(', ')}`,
    );
  }
  return QUEUE_KINDS.filter((kind) => names.includes(kind));
}

function toCloudLimits({ cloudLimits }: Settings): WorkerOptions['limits'] {
  if (cloudLimits === undefined) return undefined;
  const limits = Object.entries(cloudLimits).map(([cloud, limit]) => {
    const { max_concurrent_builds: maxConcurrentBuilds, api_calls_per_second: apiCallsPerSecond } = limit;
    return [cloud, { maxConcurrentBuilds, apiCallsPerSecond }] as const;
  });
  return Object.fromEntries(limits);
}
