import type { Options } from 'yargs';
import {
  describeFileError,
  readInstallScript,
  readTemplate,
  UnreadableFileError,
  type GivenParameters,
  type NamedText,
} from '../client/index.js';
import { formatDefault, KIND_WORDS, PARAMETER_GROUPS } from '../domain/parameter-words.js';
import { hintAtParameters, PARAMETERS, type ParameterDefinition } from '../domain/parameters.js';
import type { GivenOptions } from './config.js';
import { CommandError, UsageError } from './errors.js';

/** The three options of the original imagefactory (Python) that give parameters. */
export const PARAMETER_OPTIONS: Record<string, Options> = {
  parameters: { type: 'string', requiresArg: true, describe: 'JSON file with an object of parameters (FILE)' },
  parameter: {
    type: 'string',
    nargs: 2,
    describe: 'a parameter and its value (NAME VALUE); repeatable, overrides --parameters',
  },
  'file-parameter': {
    type: 'string',
    nargs: 2,
    describe: 'a parameter and the file that holds its value (NAME FILE); repeatable, overrides --parameter',
  },
};

/** The path of standard input, which a command line may name as `-`. */
export const STANDARD_INPUT = '/dev/stdin';

function toPath(word: string): string {
  return word === '-' ? STANDARD_INPUT : word;
}

/** Lists the names of the parameters, for completion. */
export function listParameterNames(): string[] {
  return Object.keys(PARAMETERS).sort();
}

/**
 * Describes the parameters for the help, in groups: a line for each parameter, with the name, a tab, the meaning in one
 * sentence, the type and the default. `docs/parameters.md` has the whole descriptions.
 */
export function describeParameters(): string[] {
  const definitions = Object.entries(PARAMETERS) as [string, ParameterDefinition][];
  return [
    'Parameters (--parameter NAME VALUE); docs/parameters.md says more about each:',
    ...PARAMETER_GROUPS.flatMap(([group, title]) => [
      '',
      `${title}:`,
      ...definitions
        .filter(([, definition]) => definition.group === group)
        .map(([name, definition]) => `  ${name}  \t${describeParameter(definition)}`),
    ]),
  ];
}

/** The end of a sentence: a full stop before a blank, or at the end. */
const SENTENCE_END = /\.(?=\s|$)/;

function describeParameter({ kind, choices, description, default: value }: ParameterDefinition): string {
  const [meaning = ''] = description.split(SENTENCE_END);
  const type = choices === undefined ? KIND_WORDS[kind] : choices.join(', ');
  // Where the default depends on other things, the description has a sentence about it.
  const [, explained = 'none'] = /(?:^|\s)Default: (.*?)\.(?=\s|$)/.exec(description) ?? [];
  return `${meaning} [${type}; default: ${value === undefined ? explained : formatDefault(value)}]`;
}

/**
 * Reads the parameters: from the JSON file of --parameters, then --parameter, then --file-parameter. A later value
 * replaces an earlier one. Checks only the names in --file-parameter; `checkRequest` checks all names and values.
 *
 * @param names the names that --file-parameter may have. Default: the parameters of a base image
 * @throws CommandError (exit code 1, as in the original imagefactory) when a file cannot be read, or --parameters is
 *   not a JSON object
 * @throws InvalidFilesError when a file is not UTF-8
 * @throws UsageError when --file-parameter has an unknown name
 */
export function readParameters(options: GivenOptions, names = listParameterNames()): GivenParameters {
  const parameters: Record<string, unknown> = {};
  for (const file of toList(options['parameters'])) Object.assign(parameters, readJsonParameters(file));
  for (const [name, value] of toPairs(options['parameter'])) parameters[name] = value;
  for (const [name, file] of toPairs(options['file-parameter'])) parameters[name] = readValue(name, file, names);
  return parameters;
}

/** Finds the file that --file-parameter gives for a parameter. Returns undefined when it gives none. */
export function findParameterFile(options: GivenOptions, parameter: string): string | undefined {
  const [, file] = toPairs(options['file-parameter']).findLast(([name]) => name === parameter) ?? [];
  return file === undefined ? undefined : toPath(file);
}

/**
 * Reads the template that a command line names.
 *
 * @throws UsageError (exit code 2) when the file cannot be read
 * @throws InvalidFilesError when the file's bytes are not valid in its encoding, or the encoding is not supported
 */
export function readTemplateArgument(file: string): NamedText {
  try {
    return readTemplate({ file: toPath(file) });
  } catch (error) {
    if (!(error instanceof UnreadableFileError)) throw error;
    throw new UsageError(`template ${error.message}`, { cause: error });
  }
}

function toList(given: unknown): string[] {
  return given === undefined ? [] : [given].flat().map(String);
}

/** Makes pairs of the values of an option that takes NAME VALUE, because yargs puts all values into one array. */
function toPairs(given: unknown): [string, string][] {
  const values = toList(given);
  const pairs: [string, string][] = [];
  for (let index = 0; index + 1 < values.length; index += 2) pairs.push([values[index] ?? '', values[index + 1] ?? '']);
  return pairs;
}

function readJsonParameters(file: string): Record<string, unknown> {
  const text = readParameterFile(`--parameters ${file}`, file);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new CommandError(`--parameters ${file}: ${describeFileError(error)}`, { cause: error });
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw new CommandError(`--parameters ${file}: the file is not a JSON object of parameters`);
}

function readValue(name: string, file: string, names: readonly string[]): string {
  if (!names.includes(name)) {
    throw new UsageError(`there is no parameter ${JSON.stringify(name)}`, {
      hint: hintAtParameters(name, names),
    });
  }
  return readParameterFile(`--file-parameter ${name} ${file}`, file);
}

function readParameterFile(option: string, file: string): string {
  try {
    return readInstallScript({ file: toPath(file) }).text;
  } catch (error) {
    if (!(error instanceof UnreadableFileError)) throw error;
    throw new CommandError(`${option}: ${describeFileError(error.cause)}`, { cause: error });
  }
}
