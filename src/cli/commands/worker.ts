import { defined } from '../../domain/defined.js';
import { QUEUE_KINDS } from '../../domain/task-queues.js';
import { parseDeploymentVersion } from '../worker-version.js';
import { withClient, type Command } from './command.js';
import { toWorkerOptions } from './worker-options.js';

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
    lanes: {
      type: 'string',
      requiresArg: true,
      describe: `task queues to poll: ${QUEUE_KINDS.join(', ')}, with commas between them (default: all)`,
    },
    'image-cache': {
      type: 'string',
      requiresArg: true,
      describe: 'most GiB of downloaded images to keep for conversions (default 50)',
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
    ['$0 worker --lanes convert', 'only convert disks, on a machine with a large disk'],
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
    const { runWorker } = await import('../../worker/run.js');
    const { metricsAddress, healthAddress, clouds } = settings;
    await runWorker({
      ...toWorkerOptions(settings, io.env),
      ...defined({ version, metricsAddress, healthAddress, clouds }),
    });
    return 0;
  },
};
