import { basename } from 'node:path';
import {
  checkRequest,
  startBuild,
  workflowPageUrl,
  type BuildRequest,
  type ImageFactoryClient,
  type StartedBuild,
} from '../../client/index.js';
import { toPlainLine } from '../../domain/plain-text.js';
import { rememberBuild } from '../completion/build-cache.js';
import { formatDocument } from '../documents.js';
import { UsageError } from '../errors.js';
import { formatWarning } from '../output.js';
import { describeParameters } from '../parameters.js';
import { BUILD_OPTIONS, readBuildParameters, readRequest } from './build-options.js';
import { warnOfSecrets, withClient, type Command, type CommandContext } from './command.js';
import { followToEnd } from './follow.js';

export const baseImage: Command = {
  usage: 'base_image <template>',
  summary: 'build a base image from a template',
  positionals: { template: { type: 'string', describe: 'TDL file; - is standard input' } },
  options: {
    ...BUILD_OPTIONS,
    local: {
      type: 'boolean',
      describe:
        'need no Temporal and no worker: this command runs both until the build has ended. Interrupted, even killed, the next call goes on',
    },
    detach: { type: 'boolean', describe: 'print the UUID and return; the build goes on' },
  },
  examples: [
    [
      '$0 base_image --file-parameter install_script f19.ks --parameter request_floating_ip True ' +
        '--parameter default_user ec2-user --parameter command_prefix sudo --parameter flavor 2 f19.tdl',
      'build Fedora 19 on your cloud',
    ],
    ['$0 base_image --local --parameter flavor m1.small debian-12.tdl', 'build without a Temporal server and a worker'],
    [
      '$0 base_image --jeos glance:debian-12-generic --parameter default_user debian --parameter command_prefix sudo ' +
        '--parameter flavor m1.small web-server.tdl',
      'customise an image of the cloud, without an installer',
    ],
    ['$0 --output json base_image --parameters debian.json debian.tdl', 'print the image’s metadata at the end'],
  ],
  notes: describeParameters(),
  run: runBaseImage,
};

async function runBaseImage(context: CommandContext): Promise<number> {
  const { io, settings, options } = context;
  if (options['local'] === true && options['detach'] === true) {
    throw new UsageError('--local and --detach exclude each other', {
      hint: 'with --local, the build goes on only while the command runs',
    });
  }
  const request = readRequest(context, String(options['template']), readBuildParameters(context));
  // Checks the request before the connection to Temporal, so that mistakes are reported first.
  const checked = checkRequest(request);
  const { template, parameters, warnings } = checked;
  for (const warning of warnings) io.err(formatWarning(warning));
  if (options['local'] === true) {
    // It has payload keys of its own.
    const { buildLocally } = await import('./local-build.js');
    return buildLocally(context, request, checked);
  }
  warnOfSecrets(context, template, parameters.install_script);
  return withClient(context, async (client) => {
    const { uuid, workflowId, runId } = await startBaseImage(context, client, request, template.name);
    if (options['detach'] !== true) return followToEnd(context, client, uuid);
    io.out(
      settings.output === 'json'
        ? formatDocument('base_image', { identifier: uuid, status: 'NEW', workflow_id: workflowId, run_id: runId })
        : `${uuid}\n`,
    );
    return 0;
  });
}

/** Starts the build of a base image, says so, and keeps its UUID for completion. `name`: the template's name. */
export async function startBaseImage(
  { io, options }: CommandContext,
  client: ImageFactoryClient,
  request: BuildRequest,
  name: string,
): Promise<StartedBuild> {
  const started = await startBuild(client, request);
  rememberBuild(io.env, { value: started.uuid, description: toPlainLine(name) });
  const page = workflowPageUrl(client, started.workflowId);
  const file = toPlainLine(basename(String(options['template'])));
  io.err(`Build ${started.uuid} of ${file} has started${page === undefined ? '' : `: ${page}`}\n`);
  return started;
}
