import { checkImport, startImport, type ImportRequest } from '../../client/index.js';
import { IMPORT_FORMATS } from '../../domain/import-input.js';
import { toPlainLine } from '../../domain/plain-text.js';
import { lastValue } from '../config.js';
import { formatDocument } from '../documents.js';
import { readParameters, PARAMETER_OPTIONS } from '../parameters.js';
import { withClient, type Command, type CommandContext } from './command.js';
import { followToEnd } from './follow.js';

export const importBaseImage: Command = {
  usage: 'import_base_image <image>',
  summary: 'make a base image of a disk that exists',
  positionals: {
    image: {
      type: 'string',
      describe:
        'glance:NAME or glance:UUID; a file on the worker’s machine (/DIR/FILE), below a folder of its --files-from; ' +
        'or an address, with --parameter jeos_checksum',
    },
  },
  options: {
    ...PARAMETER_OPTIONS,
    cloud: {
      type: 'string',
      alias: 'os-cloud',
      requiresArg: true,
      describe: 'cloud that gets the image, by its name on the worker (default: OS_CLOUD, else envvars)',
    },
    format: {
      type: 'string',
      requiresArg: true,
      choices: IMPORT_FORMATS,
      describe: 'format of the disk in a file (default: told by its first bytes)',
    },
    'no-boot': {
      type: 'boolean',
      describe: 'boot no instance that tells the system and the packages: then --os names the system',
    },
    os: { type: 'string', requiresArg: true, describe: 'system of a disk that is not booted: debian-12/x86_64' },
    detach: { type: 'boolean', describe: 'print the UUID and return; the import goes on' },
  },
  examples: [
    [
      '$0 import_base_image glance:debian-12-generic --parameter flavor m1.small --parameter default_user debian ' +
        '--parameter command_prefix sudo',
      'make a base image of an image of the cloud, which stays as it is',
    ],
    [
      '$0 import_base_image /srv/images/appliance.vmdk --no-boot --os debian-12/x86_64',
      'put a file of the worker into the cloud, without a login',
    ],
  ],
  run: runImport,
};

async function runImport(context: CommandContext): Promise<number> {
  const { io, settings, options } = context;
  const text = (name: string): string | undefined => lastValue(options[name]) as string | undefined;
  const { timeout, cloud } = settings;
  const request: ImportRequest = {
    source: String(options['image']),
    format: text('format'),
    boots: options['no-boot'] !== true,
    os: text('os'),
    parameters: { ...(timeout === undefined ? {} : { timeout }), ...readParameters(options) },
    cloud,
  };
  // Checks the request before the connection to Temporal, so that mistakes are reported first.
  checkImport(request);
  return withClient(context, async (client) => {
    const { uuid, workflowId, runId } = await startImport(client, request);
    io.err(`Import ${uuid} of ${toPlainLine(request.source)} has started\n`);
    if (options['detach'] !== true) {
      return followToEnd(context, client, uuid, { againHint: 'To try again: give the same command.\n' });
    }
    io.out(
      settings.output === 'json'
        ? formatDocument('import_base_image', {
            identifier: uuid,
            status: 'NEW',
            workflow_id: workflowId,
            run_id: runId,
          })
        : `${uuid}\n`,
    );
    return 0;
  });
}
