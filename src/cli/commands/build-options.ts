import type { Options } from 'yargs';
import type { BuildRequest, GivenParameters } from '../../client/index.js';
import { PARAMETERS } from '../../domain/parameters.js';
import type { GivenOptions } from '../config.js';
import { parseDuration } from '../duration.js';
import { findParameterFile, PARAMETER_OPTIONS, readParameters, readTemplateArgument } from '../parameters.js';
import type { CommandContext } from './command.js';

/** The options of a command that builds a base image. */
export const BUILD_OPTIONS: Record<string, Options> = {
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
};

/**
 * Reads the parameters of a command that builds a base image: from their files and options, and those that have an
 * option of their own. Does not check the values.
 *
 * @param names the parameters that --file-parameter can give; default: those of a base image
 */
export function readBuildParameters({ settings, options }: CommandContext, names?: string[]): GivenParameters {
  const { timeout } = settings;
  const { jeos } = options;
  return {
    ...(timeout === undefined ? {} : { timeout }),
    ...(jeos === undefined ? {} : { jeos: String(jeos) }),
    ...readFailureOptions(options),
    ...readParameters(options, names),
  };
}

/** Reads the options for a step that fails: --on-error, --hold-for. Does not check the values. */
export function readFailureOptions({ 'on-error': onError, 'hold-for': holdFor }: GivenOptions): GivenParameters {
  return {
    ...(onError === undefined ? {} : { on_error: String(onError) }),
    ...(holdFor === undefined ? {} : { hold_for: parseDuration('--hold-for', String(holdFor)) }),
  };
}

/** Makes the request for a base image from its template's file and its parameters. */
export function readRequest(
  { settings, options }: CommandContext,
  templateFile: string,
  parameters: GivenParameters,
): BuildRequest {
  const template = readTemplateArgument(templateFile);
  const { install_script: script } = parameters;
  const scriptFile = findParameterFile(options, 'install_script');
  const installScript =
    scriptFile === undefined || typeof script !== 'string' ? undefined : { text: script, name: scriptFile };
  return { template, parameters, installScript, cloud: settings.cloud };
}
