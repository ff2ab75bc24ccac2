import { basename } from 'node:path';
import {
  checkRequest,
  startBuild,
  workflowPageUrl,
  type BuildRequest,
  type GivenParameters,
} from '../../client/index.js';
import { toPlainLine } from '../../domain/plain-text.js';
import { PARAMETERS } from '../../domain/parameters.js';
import { rememberBuild } from '../completion/build-cache.js';
import type { GivenOptions } from '../config.js';
import { parseDuration } from '../duration.js';
import { formatDocument } from '../documents.js';
import { UsageError } from '../errors.js';
import { formatWarning } from '../output.js';
import {
  describeParameters,
  findParameterFile,
  PARAMETER_OPTIONS,
  readParameters,
  readTemplateArgument,
} from '../parameters.js';
import { warnOfSecrets, withClient, type Command, type CommandContext } from './command.js';
import { followToEnd } from './follow.js';

export const baseImage: Command = {
  usage: 'base_image <template>',
  summary: 'build a base image from a template',
  positionals: { template: { type: 'string', describe: 'TDL file; - is standard input' } },
  options: {
    ...PARAMETER_OPTIONS,
    cloud: {
      type: 'string',
      alias: 'os-cloud',
      requiresArg: true,
      describe:
        'cloud to build in, by its name on the worker (default: OS_CLOUD, else envvars: the OS_* variables of the worker)',
    },
    jeos: {
      type: 'string',
      requiresArg: true,
      describe:
        'customise an image that exists, and install nothing: glance:NAME, a file on the worker, or an address: the parameter jeos',
    },
    'on-error': {
      type: 'string',
      requiresArg: true,
      choices: PARAMETERS.on_error.choices,
      describe: 'what the build does when a step fails: the parameter on_error',
    },
    'hold-for': {
      type: 'string',
      requiresArg: true,
      describe: 'how long a held build waits, such as 24h or 90m: the parameter hold_for',
    },
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
  const templateFile = String(options['template']);
  if (options['local'] === true && options['detach'] === true) {
    throw new UsageError('--local and --detach exclude each other', {
      hint: 'with --local, the build goes on only while the command runs',
    });
  }
  const request = readRequest(context, templateFile);
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
    const { uuid, workflowId, runId } = await startBuild(client, request);
    rememberBuild(io.env, { value: uuid, description: toPlainLine(template.name) });
    const page = workflowPageUrl(client, workflowId);
    io.err(
      `Build ${uuid} of ${toPlainLine(basename(templateFile))} has started${page === undefined ? '' : `: ${page}`}\n`,
    );
    if (options['detach'] !== true) return followToEnd(context, client, uuid);
    io.out(
      settings.output === 'json'
        ? formatDocument('base_image', { identifier: uuid, status: 'NEW', workflow_id: workflowId, run_id: runId })
        : `${uuid}\n`,
    );
    return 0;
  });
}

function readRequest({ settings, options }: CommandContext, templateFile: string): BuildRequest {
  const template = readTemplateArgument(templateFile);
  const parameters = { ...parametersFromOptions(settings.timeout, options), ...readParameters(options) };
  const { install_script: script } = parameters;
  const scriptFile = findParameterFile(options, 'install_script');
  const installScript =
    scriptFile === undefined || typeof script !== 'string' ? undefined : { text: script, name: scriptFile };
  return { template, parameters, installScript, cloud: settings.cloud };
}

/**
 * Reads the parameters that have their own option: --timeout, --jeos, --on-error, --hold-for. Does not check the
 * values.
 */
function parametersFromOptions(timeout: number | undefined, options: GivenOptions): GivenParameters {
  const { jeos, 'on-error': onError, 'hold-for': holdFor } = options;
  return {
    ...(timeout === undefined ? {} : { timeout }),
    ...(jeos === undefined ? {} : { jeos: String(jeos) }),
    ...(onError === undefined ? {} : { on_error: String(onError) }),
    ...(holdFor === undefined ? {} : { hold_for: parseDuration('--hold-for', String(holdFor)) }),
  };
}
