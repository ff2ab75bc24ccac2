import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import yargs, { type Argv, type FallbackCompletionFunction } from 'yargs';
import { FactoryError } from '../domain/errors.js';
import { COMMANDS } from './commands/index.js';
import type { Command } from './commands/command.js';
import { lastValue, readConfigFile, resolveSettings, type GivenOptions } from './config.js';
import { ClientError, InvalidFilesError, problemLines, UsageError } from '../client/errors.js';
import { GLOBAL_OPTIONS } from './global-options.js';
import type { Io } from './io.js';
import { jsonDocument } from './output.js';
import { parameterNames } from './parameters.js';
import { projectFolder } from './dev-server/temporal-binary.js';

/** A command line that was understood. */
interface Chosen {
  command: Command;
  options: GivenOptions;
}

/**
 * Runs the command line `imagefactory`.
 *
 * @param args what stands behind the command's name
 * @returns the exit code: 0 well, 1 failed, 2 wrong usage, 130 or 143 left by a signal
 */
export async function run(args: string[], io: Io): Promise<number> {
  let json = false;
  let debug = false;
  try {
    const understood = await parse(args);
    if (typeof understood === 'string') {
      io.out(understood);
      return 0;
    }
    const { command, options } = understood;
    const file = readConfigFile(lastValue(options['config']) as string | undefined, (text) => io.err(`${text}\n`));
    const settings = resolveSettings(options, io.env, file);
    json = settings.output === 'json';
    debug = settings.debug;
    if (settings.tmpdir !== undefined) io.env['TMPDIR'] = settings.tmpdir;
    return await command.run({ io, settings, options });
  } catch (error) {
    return report(error, io, { json, debug });
  }
}

/** The chosen command, or the text (help, version, completion) that was asked for instead. */
export async function parse(args: string[]): Promise<Chosen | string> {
  if (args.length === 0) return parse(['--help']);
  let chosen: Chosen | undefined;
  let text = '';
  const line = operandsInFront(args);
  const parser = parserFor(args, (command, options) => {
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

/** Options that take two words. */
const PAIRS = ['--parameter', '--file-parameter'];

/**
 * The line without the `--` that ends its options: yargs matches what stands behind it to no positional. It stays where a command
 * for somebody else may follow, options and all.
 */
function operandsInFront(args: string[]): string[] {
  const end = args.findIndex(
    (word, at) => word === '--' && !PAIRS.some((pair) => args.slice(Math.max(0, at - 2), at).includes(pair)),
  );
  if (end < 0 || commandIn(args.slice(0, end))?.usage.endsWith('[command..]') === true) return args;
  // Of the operands only names of files may begin with a dash, and they are the same so.
  const operands = args.slice(end + 1).map((word) => (word.startsWith('-') ? `./${word}` : word));
  return [...args.slice(0, end), ...operands];
}

function commandIn(args: string[]): Command | undefined {
  return COMMANDS.find((candidate) => args.includes(commandName(candidate)));
}

function toUsageError(error: Error, args: string[]): UsageError {
  const command = commandIn(args);
  if (command === undefined) return new UsageError(error.message, { hint: 'imagefactory --help lists the commands' });
  const hint = `imagefactory ${commandName(command)} --help describes it`;
  if (!error.message.startsWith('Not enough non-option arguments')) return new UsageError(error.message, { hint });
  const pairs =
    command.options?.['parameter'] === undefined ? '' : '; --parameter and --file-parameter take two words each';
  return new UsageError(`an argument is missing: imagefactory ${command.usage.replace('..', '…')}${pairs}`, { hint });
}

function commandName(command: Command): string {
  return command.usage.split(' ')[0] ?? '';
}

function parserFor(args: string[], choose: (command: Command, options: GivenOptions) => void): Argv {
  const parser = yargs([])
    .scriptName('imagefactory')
    // Error messages are matched below, and must not follow the user's language.
    .locale('en')
    .usage('$0 [options] COMMAND\n\nBuilds operating-system images inside OpenStack, as durable Temporal workflows.')
    .parserConfiguration({
      'camel-case-expansion': false,
      'dot-notation': false,
      'boolean-negation': false,
      'parse-numbers': false,
      'parse-positional-numbers': false,
      // The value of a parameter may begin with a dash.
      'nargs-eats-options': true,
    })
    .options(GLOBAL_OPTIONS)
    .group([...Object.keys(GLOBAL_OPTIONS), 'version', 'help'], 'Options of every command:')
    .conflicts('debug', 'nodebug');
  for (const command of COMMANDS) {
    parser.command(
      command.usage,
      command.summary,
      (sub) => withOptions(sub, command),
      (options) => choose(command, options),
    );
  }
  return parser
    .completion('completion', 'print a script that completes commands in bash or zsh', completer(args))
    .demandCommand(1, 'no command is given')
    .strict()
    .fail(false)
    .exitProcess(false)
    .version(version())
    .help()
    .wrap(Math.min(110, process.stdout.columns || 100));
}

/** Behind --parameter stands a parameter's name; everything else yargs knows by itself. */
function completer(args: string[]): FallbackCompletionFunction {
  return (_current, _argv, filter, done) => {
    if (PAIRS.includes(args.at(-2) ?? '')) done(parameterNames());
    else {
      filter((_error, defaults) => {
        done(defaults ?? []);
      });
    }
  };
}

function withOptions(parser: Argv, command: Command): Argv {
  for (const [name, positional] of Object.entries(command.positionals ?? {})) parser.positional(name, positional);
  if (command.options !== undefined) {
    parser.options(command.options).group(Object.keys(command.options), `Options of ${commandName(command)}:`);
  }
  if (command.examples === undefined) return parser;
  const examples = command.examples.map(([line, what]) => `  ${line}${what === '' ? '' : `\n      ${what}`}`);
  return parser.epilogue(['Examples:', ...examples].join('\n'));
}

function version(): string {
  const manifest = JSON.parse(readFileSync(join(projectFolder(), 'package.json'), 'utf8')) as { version: string };
  return manifest.version;
}

/** Prints what went wrong, and answers the exit code. In JSON mode a failure is a document as well. */
function report(error: unknown, io: Io, { json, debug }: { json: boolean; debug: boolean }): number {
  const known = error instanceof ClientError || error instanceof FactoryError ? error : undefined;
  const message = error instanceof Error ? error.message : String(error);
  const exitCode = exitCodeFor(error);
  if (json && exitCode !== 2) io.out(jsonDocument(errorDocument(error, message)));
  if (error instanceof InvalidFilesError) io.err(error.reports.flatMap(problemLines).join('\n') + '\n');
  io.err(`imagefactory: ${message}\n`);
  if (known?.hint !== undefined) io.err(`  ${known.hint}\n`);
  if (known === undefined || debug) io.err(`${error instanceof Error ? (error.stack ?? message) : message}\n`);
  return exitCode;
}

function errorDocument(error: unknown, message: string): Record<string, unknown> {
  const type = error instanceof FactoryError ? error.type : error instanceof ClientError ? error.name : 'Internal';
  const hint = error instanceof FactoryError || error instanceof ClientError ? error.hint : undefined;
  const files = error instanceof InvalidFilesError ? error.reports : undefined;
  return { status: 'FAILED', error: { type, message, hint, files } };
}

function exitCodeFor(error: unknown): number {
  if (error instanceof ClientError) return error.exitCode;
  return error instanceof FactoryError && error.type === 'InvalidParameter' ? 2 : 1;
}
