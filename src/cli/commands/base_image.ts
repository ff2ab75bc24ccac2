import { basename } from 'node:path';
import { templateText } from '../../client/check-files.js';
import { checkRequest, startBuild, type BuildRequest } from '../../client/builds.js';
import { PARAMETERS } from '../../domain/parameters.js';
import { parseDuration } from '../duration.js';
import type { GivenOptions } from '../config.js';
import { workflowPage } from '../../client/connection.js';
import { jsonDocument } from '../output.js';
import { fileOfParameter, givenParameters, PARAMETER_OPTIONS } from '../parameters.js';
import { warnOfSecrets, withClient, type Command, type CommandContext } from './command.js';
import { follow } from './follow.js';

export const baseImage: Command = {
  usage: 'base_image <template>',
  summary: 'build a base image from a template',
  positionals: { template: { type: 'string', describe: 'TDL file' } },
  options: {
    ...PARAMETER_OPTIONS,
    cloud: {
      type: 'string',
      alias: 'os-cloud',
      requiresArg: true,
      describe:
        'cloud to build in, as the worker knows it (default: OS_CLOUD, else envvars: the OS_* variables of the worker)',
    },
    'on-error': {
      type: 'string',
      requiresArg: true,
      choices: PARAMETERS.on_error.choices,
      describe: 'what a failed step leads to: the parameter on_error',
    },
    'hold-for': { type: 'string', requiresArg: true, describe: 'how long a held build waits, such as 24h or 90m' },
    detach: { type: 'boolean', describe: 'print the UUID and return; the build goes on' },
  },
  examples: [
    [
      '$0 base_image --file-parameter install_script f19.ks --parameter request_floating_ip True --parameter default_user ec2-user --parameter command_prefix sudo --parameter flavor 2 f19.tdl',
      'build Fedora 19 on your cloud',
    ],
    ['$0 --output json base_image --parameters debian.json debian.tdl', 'print the image’s metadata at the end'],
  ],
  run: runBaseImage,
};

async function runBaseImage(context: CommandContext): Promise<number> {
  const { io, settings, options } = context;
  const templateFile = String(options['template']);
  const template = templateText(templateFile);
  const given = givenParameters(options);
  const parameters = { ...ofOptions(settings.timeout, options), ...given };
  const scriptName = fileOfParameter(options, 'install_script');
  const request: BuildRequest = {
    template,
    templateName: templateFile,
    parameters,
    cloud: settings.cloud,
    ...(scriptName === undefined ? {} : { scriptName }),
  };
  // Mistakes are told before Temporal is asked for anything.
  const { template: parsed, parameters: checked, warnings } = checkRequest(request);
  for (const warning of warnings) io.err(`warning: ${warning}\n`);
  warnOfSecrets(context, parsed, checked.install_script);
  return withClient(context, async (factory) => {
    const started = await startBuild(factory, request);
    const page = workflowPage(factory, started.workflowId);
    io.err(`Build ${started.uuid} of ${basename(templateFile)} has started${page === undefined ? '' : `: ${page}`}\n`);
    if (options['detach'] !== true) return follow(context, factory, started.uuid);
    const { uuid, workflowId, runId } = started;
    io.out(
      settings.output === 'json'
        ? jsonDocument({ identifier: uuid, workflow_id: workflowId, run_id: runId })
        : `${uuid}\n`,
    );
    return 0;
  });
}

/** Parameters that have options of their own. */
function ofOptions(timeout: number | undefined, options: GivenOptions): Record<string, unknown> {
  const { 'on-error': onError, 'hold-for': holdFor } = options;
  return {
    ...(timeout === undefined ? {} : { timeout }),
    ...(onError === undefined ? {} : { on_error: onError }),
    ...(holdFor === undefined ? {} : { hold_for: parseDuration('--hold-for', String(holdFor)) }),
  };
}
