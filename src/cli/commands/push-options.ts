import { parseProviderParameters, PROVIDER_PARAMETERS, type ProviderParameters } from '../../client/index.js';
import type { CommandContext } from './command.js';
import { readFailureOptions } from './build-options.js';
import { readParameters } from '../parameters.js';

/** The names of the parameters of a push. */
export const PUSH_PARAMETER_NAMES = Object.keys(PROVIDER_PARAMETERS);

/** The lines of the help that describe the parameters of a push. */
export const PUSH_NOTES: readonly string[] = [
  'Parameters (--parameter NAME VALUE); docs/providers.md says more about each:',
  ...Object.entries(PROVIDER_PARAMETERS).map(([name, { description }]) => `  ${name}  \t${description}`),
];

/** Reads the parameters of a push from the command line. @throws FactoryError InvalidParameter */
export function readPushParameters({ options }: CommandContext): ProviderParameters {
  return parseProviderParameters({ ...readFailureOptions(options), ...readParameters(options, PUSH_PARAMETER_NAMES) });
}
