import { readFileSync } from 'node:fs';
import type { Options } from 'yargs';
import { PARAMETERS } from '../domain/parameters.js';
import { decodeText } from '../tdl/decode.js';
import type { GivenOptions } from './config.js';
import { ClientError, fileReason, InvalidFilesError, UsageError } from '../client/errors.js';

/** imagefactory's three ways to give parameters. */
export const PARAMETER_OPTIONS: Record<string, Options> = {
  parameters: { type: 'string', requiresArg: true, describe: 'JSON file with an object of parameters (FILE)' },
  parameter: {
    type: 'string',
    nargs: 2,
    describe: 'a parameter and its value (NAME VALUE); repeatable, beats --parameters',
  },
  'file-parameter': {
    type: 'string',
    nargs: 2,
    describe: 'a parameter and the file that holds its value (NAME FILE); repeatable, beats --parameter',
  },
};

/** Names of the parameters, for completion. */
export function parameterNames(): string[] {
  return Object.keys(PARAMETERS).sort();
}

/**
 * The parameters as given, unchecked: the JSON file, then --parameter, then --file-parameter, each beating the one before.
 *
 * @throws ClientError (exit code 1, as imagefactory had it) for a file that cannot be read, or is not UTF-8
 */
export function givenParameters(options: GivenOptions): Record<string, unknown> {
  const parameters: Record<string, unknown> = {};
  for (const file of toValues(options['parameters'])) Object.assign(parameters, jsonParameters(file));
  for (const [name, value] of toPairs(options['parameter'])) parameters[name] = value;
  for (const [name, file] of toPairs(options['file-parameter'])) parameters[name] = readValue(name, file);
  return parameters;
}

/** The file that a --file-parameter names, where it is given. */
export function fileOfParameter(options: GivenOptions, wanted: string): string | undefined {
  return toPairs(options['file-parameter'])
    .filter(([name]) => name === wanted)
    .at(-1)?.[1];
}

function toValues(given: unknown): string[] {
  return given === undefined ? [] : [given].flat().map(String);
}

/** The parser hands NAME VALUE NAME VALUE … over in one row. */
function toPairs(given: unknown): [string, string][] {
  const values = toValues(given);
  const pairs: [string, string][] = [];
  for (let index = 0; index + 1 < values.length; index += 2) pairs.push([values[index] ?? '', values[index + 1] ?? '']);
  return pairs;
}

function jsonParameters(file: string): Record<string, unknown> {
  const text = readParameterFile(`--parameters ${file}`, file);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new ClientError(`--parameters ${file}: ${fileReason(error)}`, { cause: error });
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw new ClientError(`--parameters ${file}: this is not a JSON object of parameters`);
}

function readValue(name: string, file: string): string {
  if (!Object.hasOwn(PARAMETERS, name)) {
    throw new UsageError(`there is no parameter ${JSON.stringify(name)}`, {
      hint: `the parameters are: ${parameterNames().join(', ')}`,
    });
  }
  return readParameterFile(`--file-parameter ${name} ${file}`, file);
}

function readParameterFile(option: string, file: string): string {
  let bytes: Buffer;
  try {
    bytes = readFileSync(file);
  } catch (error) {
    throw new ClientError(`${option}: ${fileReason(error)}`, { cause: error });
  }
  const { text, problem } = decodeText(bytes);
  if (text !== undefined) return text;
  throw new InvalidFilesError([{ file, valid: false, problems: [problem] }]);
}
