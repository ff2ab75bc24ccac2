import type { WorkerOptions } from '../../worker/run.js';
import { loadPayloadKeys, type Settings } from '../config.js';
import { readVersion } from '../version.js';
import { parseDeploymentVersion } from '../worker-version.js';
import { withClient, type Command } from './command.js';

export const worker: Command = {
  usage: 'worker',
  summary: 'run a worker, which holds the cloud credentials and carries out the builds',
  options: {
    'storage-path': { type: 'string', requiresArg: true, describe: 'folder of the records and images (DIR)' },
    'serve-cloud': {
      type: 'string',
      requiresArg: true,
      describe: 'serve only this cloud; repeatable (default: all configured clouds)',
    },
    'worker-address': {
      type: 'string',
      requiresArg: true,
      describe: 'CIDR from which guests see this worker’s connections; repeatable (default: the worker finds it out)',
    },
    'files-from': {
      type: 'string',
      requiresArg: true,
      describe: 'folder whose files templates may name as file:///DIR/FILE; repeatable (default: none)',
    },
    'allow-address': {
      type: 'string',
      requiresArg: true,
      describe:
        'CIDR of loopback, link-local or other denied addresses from which templates may fetch; repeatable (default: none)',
    },
    'metrics-address': { type: 'string', requiresArg: true, describe: 'serve Prometheus metrics at HOST:PORT' },
    'health-address': { type: 'string', requiresArg: true, describe: 'serve health at HOST:PORT' },
    'log-format': { choices: ['text', 'json'] as const, describe: 'format of the log lines (default text)' },
    'build-id': {
      type: 'string',
      requiresArg: true,
      describe:
        'build id of this worker’s release: its builds stay with workers of that release (default: no versioning)',
    },
    deployment: {
      type: 'string',
      requiresArg: true,
      describe: 'Temporal worker deployment that the release belongs to (default: the task queue’s name)',
    },
    insecure: { type: 'boolean', describe: 'do not verify the certificates of the cloud' },
  },
  examples: [
    ['OS_CLOUD=prod $0 worker --log-format json --metrics-address 127.0.0.1:9464', 'as a service'],
    [
      '$0 worker --build-id 0.2.0',
      'run beside the workers of the previous release, until the builds of those have ended',
    ],
  ],
  run: async (context) => {
    const { io, settings } = context;
    const version = parseDeploymentVersion(settings);
    // Connects once, so that an address that does not answer gives the same error message as in every other command.
    await withClient(context, async () => undefined);
    // This variable passes --insecure to the code that reads the cloud's configuration. python-openstackclient reads
    // the same variable.
    if (settings.insecure) io.env['OS_INSECURE'] = 'true';
    const { runWorker } = await import('../../worker/run.js');
    const {
      taskQueue,
      storagePath,
      logFormat,
      metricsAddress,
      healthAddress,
      clouds,
      workerAddresses,
      filesFrom,
      allowAddresses,
    } = settings;
    const limits = toCloudLimits(settings);
    const payloadKeys = loadPayloadKeys(settings, io.env);
    await runWorker({
      release: readVersion(),
      taskQueue,
      storagePath,
      cachePath: settings.imgdir,
      logFormat,
      logLevel: settings.debug ? 'debug' : 'info',
      ...(payloadKeys === undefined ? {} : { payloadKeys }),
      ...(version === undefined ? {} : { version }),
      ...(metricsAddress === undefined ? {} : { metricsAddress }),
      ...(healthAddress === undefined ? {} : { healthAddress }),
      ...(limits === undefined ? {} : { limits }),
      ...(clouds === undefined ? {} : { clouds }),
      ...(workerAddresses === undefined ? {} : { workerAddresses }),
      ...(filesFrom === undefined ? {} : { filesFrom }),
      ...(allowAddresses === undefined ? {} : { allowAddresses }),
    });
    return 0;
  },
};

function toCloudLimits({ cloudLimits }: Settings): WorkerOptions['limits'] {
  if (cloudLimits === undefined) return undefined;
  const limits = Object.entries(cloudLimits).map(([cloud, limit]) => {
    const { max_concurrent_builds: maxConcurrentBuilds, api_calls_per_second: apiCallsPerSecond } = limit;
    return [cloud, { maxConcurrentBuilds, apiCallsPerSecond }] as const;
  });
  return Object.fromEntries(limits);
}
