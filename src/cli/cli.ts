import yargs, { type Argv } from 'yargs';
import {
  BuildNotFoundError,
  BuildStateError,
  FactoryError,
  formatProblems,
  ImageFactoryError,
  InvalidFilesError,
  TemporalUnavailableError,
} from '../client/index.js';
import { indentNextLines, toPlainLine } from '../domain/plain-text.js';
import { suggestName } from '../domain/nearest.js';
import { COMMANDS } from './commands/index.js';
import type { Command } from './commands/command.js';
import { lastValue, readConfigFile, resolveSettings, type GivenOptions } from './config.js';
import { OutcomeUnknownError, UsageError } from './errors.js';
import { GLOBAL_OPTIONS } from './global-options.js';
import type { Io } from './io.js';
import { toDocumentError } from './document-error.js';
import { formatFailedDocument } from './documents.js';
import { listParameterNames, STANDARD_INPUT, STANDARD_OUTPUT } from './parameters.js';
import { readVersion } from './version.js';

/** A parsed command line. */
interface ParsedCommand {
  command: Command;
  options: GivenOptions;
}

/**
 * Runs the command line `imagefactory`.
 *
 * @param args the words after `imagefactory`
 * @returns the exit code, see docs/json.md: 0 success, 1 failure, 2 wrong usage, 75 when the outcome of a build is not
 *   known, 130 or 143 when a signal ended the command
 */
export async function run(args: string[], io: Io): Promise<number> {
  let json = asksForJson(args);
  let debug = false;
  try {
    const parsed = await parse(args);
    if (typeof parsed === 'string') {
      io.out(parsed);
      return 0;
    }
    const { command, options } = parsed;
    const file = readConfigFile(lastValue(options['config']) as string | undefined, (text) =>
      io.err(`${toPlainLine(text)}\n`),
    );
    const settings = resolveSettings(options, io.env, file);
    json = settings.output === 'json';
    debug = settings.debug;
    if (settings.tmpdir !== undefined) io.env['TMPDIR'] = settings.tmpdir;
    return await command.run({ io, settings, options });
  } catch (error) {
    return reportError(error, io, { json, debug });
  }
}

/**
 * Finds out whether a command line, or its configuration file, asks for JSON. Does not need a valid command line,
 * because the error of a wrong command line is a JSON document too.
 */
function asksForJson(args: string[]): boolean {
  const output = findLastValue(args, '--output');
  if (output !== undefined) return output === 'json';
  try {
    return readConfigFile(findLastValue(args, '--config'), () => undefined).output === 'json';
  } catch {
    return false;
  }
}

/** Finds the last value of an option in the words of a command line: `--output json` or `--output=json`. */
function findLastValue(args: string[], option: string): string | undefined {
  const values = args.map((word, at) =>
    word === option ? args[at + 1] : word.startsWith(`${option}=`) ? word.slice(option.length + 1) : undefined,
  );
  return values.findLast((value) => value !== undefined);
}

/** Parses a command line: returns the command, or the text that was requested instead (help, version). */
export async function parse(args: string[]): Promise<ParsedCommand | string> {
  if (args.length === 0) return parse(['--help']);
  let chosen: ParsedCommand | undefined;
  let text = '';
  const line = nameStandardStreams(removeOptionsEnd(args));
  const parser = createParser((command, options) => {
    chosen = { command, options };
  });
  try {
    await parser.parseAsync(line, {}, (_error, _argv, output) => {
      text = output;
    });
  } catch (error) {
    throw toUsageError(error as Error, args);
  }
  return chosen ?? (text === '' ? text : `${text}\n`);
}

/** Options that take two words: a name and a value, or a name and a file. */
const PAIRS = ['--parameter', '--file-parameter'];

/**
 * Removes the `--` that ends the options, because yargs matches no word after a `--` to a positional. Keeps the `--` of
 * `ssh`, because the words after it are a remote command, which may have its own options.
 */
function removeOptionsEnd(args: string[]): string[] {
  const end = args.findIndex(
    (word, at) => word === '--' && !PAIRS.some((pair) => args.slice(Math.max(0, at - 2), at).includes(pair)),
  );
  if (end < 0 || findCommand(args.slice(0, end))?.usage.endsWith('[command..]') === true) return args;
  // A word after `--` that begins with a dash can only be a file name. With `./` before it, the word names the same
  // file, and yargs does not take it for an option.
  const operands = args.slice(end + 1).map((word) => (word.startsWith('-') ? `./${word}` : word));
  return [...args.slice(0, end), ...operands];
}

/**
 * Replaces the word `-` by the path of standard input where it stands for a template or a file, and by the path of
 * standard output where it stands for a file to write. Otherwise yargs would drop this word.
 *
 * @throws UsageError when standard input is named twice, because it can be read only once
 */
function nameStandardStreams(args: string[]): string[] {
  const usage = findCommand(args)?.usage ?? '';
  if (usage.includes('[file]')) return args.map((word) => (word === '-' ? STANDARD_OUTPUT : word));
  if (!/<(template|file)\b/.test(usage)) return args;
  // The value of a parameter may be `-`. Its name and its value are the two words after --parameter.
  const isParameter = (at: number): boolean => args.slice(Math.max(0, at - 2), at).includes('--parameter');
  const line = args.map((word, at) => (word === '-' && !isParameter(at) ? STANDARD_INPUT : word));
  if (line.filter((word) => word === STANDARD_INPUT).length < 2) return line;
  throw new UsageError('standard input is named twice, but can be read only once', {
    hint: 'write one of the two inputs to a file, and name that file',
  });
}

function findCommand(args: string[]): Command | undefined {
  return COMMANDS.find((candidate) => args.includes(getName(candidate)));
}

function toUsageError(error: Error, args: string[]): UsageError {
  const command = findCommand(args);
  const help =
    command === undefined
      ? 'imagefactory --help lists the commands'
      : `imagefactory ${getName(command)} --help describes the command`;
  const hint = [...suggestWords(error, args, command), help].join('\n');
  if (command === undefined || !error.message.startsWith('Not enough non-option arguments')) {
    return new UsageError(error.message, { hint });
  }
  const pairs =
    command.options?.['parameter'] === undefined
      ? ''
      : ', or --parameter or --file-parameter has only one of its two values';
  return new UsageError(`an argument is missing (usage: imagefactory ${command.usage.replace('..', '…')})${pairs}`, {
    hint,
  });
}

/** Writes a question for each word that yargs does not know and that is close to a command or an option. */
function suggestWords({ message }: Error, args: string[], command: Command | undefined): string[] {
  const unknown = /^Unknown arguments?: (.*)$/.exec(message)?.[1]?.split(', ') ?? [];
  return unknown.flatMap((word) => {
    const isOption = args.some((arg) => arg.split('=')[0] === `--${word}`);
    const meant = isOption ? suggestOption(word, command) : suggestCommand(word, command);
    return meant === undefined ? [] : [`did you mean ${meant}?`];
  });
}

function suggestCommand(word: string, command: Command | undefined): string | undefined {
  // Behind a command, an unknown word is one argument too many.
  return command === undefined ? suggestName(word, COMMANDS.map(getName)) : undefined;
}

function suggestOption(word: string, command: Command | undefined): string | undefined {
  const parameter = word.replaceAll('-', '_');
  if (command?.options?.['parameter'] !== undefined && listParameterNames().includes(parameter)) {
    return `--parameter ${parameter} VALUE`;
  }
  const name = suggestName(word, [...Object.keys({ ...GLOBAL_OPTIONS, ...command?.options }), 'help', 'version']);
  return name === undefined ? undefined : `--${name}`;
}

function getName(command: Command): string {
  return command.usage.split(' ')[0] ?? '';
}

function createParser(choose: (command: Command, options: GivenOptions) => void): Argv {
  const parser = yargs([])
    .scriptName('imagefactory')
    // `toUsageError` compares yargs's error messages, so yargs must not translate them.
    .locale('en')
    .usage('$0 [options] COMMAND\n\nBuilds operating-system images inside OpenStack, as durable Temporal workflows.')
    .parserConfiguration({
      'camel-case-expansion': false,
      'dot-notation': false,
      'boolean-negation': false,
      'parse-numbers': false,
      'parse-positional-numbers': false,
      // The value of a parameter may begin with a dash, so yargs must not take it for an option.
      'nargs-eats-options': true,
    })
    .options(GLOBAL_OPTIONS)
    .group([...Object.keys(GLOBAL_OPTIONS), 'version', 'help'], 'Options of every command:')
    .conflicts('debug', 'nodebug');
  for (const command of COMMANDS) {
    parser.command(
      command.usage,
      command.summary,
      (sub) => addOptions(sub, command),
      (options) => choose(command, options),
    );
  }
  return parser
    .demandCommand(1, 'no command is given')
    .strict()
    .fail(false)
    .exitProcess(false)
    .version(readVersion())
    .help()
    .wrap(Math.min(110, process.stdout.columns || 100));
}

function addOptions(parser: Argv, command: Command): Argv {
  for (const [name, positional] of Object.entries(command.positionals ?? {})) parser.positional(name, positional);
  if (command.options !== undefined) {
    parser.options(command.options).group(Object.keys(command.options), `Options of ${getName(command)}:`);
  }
  if (command.notes !== undefined) parser.epilogue([...command.notes, ''].join('\n'));
  if (command.examples === undefined) return parser;
  const examples = command.examples.map(([line, what]) => `  ${line}${what === '' ? '' : `\n      ${what}`}`);
  return parser.epilogue(['Examples:', ...examples].join('\n'));
}

/** Prints an error, and returns the exit code. With `--output json` every failure is also a JSON document. */
function reportError(error: unknown, io: Io, { json, debug }: { json: boolean; debug: boolean }): number {
  const known = error instanceof ImageFactoryError ? error : undefined;
  const message = error instanceof Error ? error.message : String(error);
  const exitCode = getExitCode(error);
  if (json) io.out(formatFailedDocument(toFailedDocument(error)));
  if (error instanceof InvalidFilesError) io.err(error.reports.flatMap(formatProblems).join('\n') + '\n');
  io.err(`imagefactory: ${indentNextLines(message)}\n`);
  if (known?.hint !== undefined) io.err(`  ${indentNextLines(known.hint)}\n`);
  if (known === undefined || debug) io.err(`${indentNextLines((error instanceof Error && error.stack) || message)}\n`);
  return exitCode;
}

function toFailedDocument(error: unknown): Parameters<typeof formatFailedDocument>[0] {
  // A script may read this status as the status of its build. If Temporal does not answer, we do not know whether the
  // build has failed. So the status is then UNKNOWN, not FAILED.
  const isUnknown = error instanceof OutcomeUnknownError || error instanceof TemporalUnavailableError;
  const named = error instanceof BuildNotFoundError || error instanceof BuildStateError ? error.uuid : undefined;
  return {
    ...(named === undefined ? {} : { identifier: named }),
    status: isUnknown ? 'UNKNOWN' : 'FAILED',
    error: toDocumentError(error),
  };
}

/** Returns the exit code of a command that ends with this error. */
export function getExitCode(error: unknown): number {
  if (error instanceof UsageError) return 2;
  if (error instanceof OutcomeUnknownError) return 75;
  return error instanceof FactoryError && error.type === 'InvalidParameter' ? 2 : 1;
}
