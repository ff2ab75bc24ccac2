import { readFileSync } from 'node:fs';
import { readBuilds, startRefresh } from './build-cache.js';
import type { ArgumentRow, Choice, CommandTable, OptionRow, ParameterRow } from './table.js';

/* Answers a shell that completes a command line. It must be quick, so it loads nothing but these few files. */

/** The file with the table of the command line. Only a built package has it. */
export const TABLE_FILE = new URL('table.json', import.meta.url);

type Shell = 'bash' | 'zsh' | 'fish';

/**
 * Answers a shell: one candidate a line, in the format of the shell. No line means that the shell offers its files.
 *
 * @param words the words after `imagefactory`. The last one is the word that is being completed; it may be empty
 * @param refresh see {@link readBuilds}
 */
export async function answerShell(
  words: string[],
  env: NodeJS.ProcessEnv,
  refresh: () => void = startRefresh,
): Promise<string> {
  const table = readTable() ?? (await import('../command-table.js')).buildTable();
  const shell = findShell(env);
  return listCandidates(words, table, () => readBuilds(env, refresh))
    .map((choice) => `${formatChoice(choice, shell)}\n`)
    .join('');
}

function readTable(): CommandTable | undefined {
  try {
    return JSON.parse(readFileSync(TABLE_FILE, 'utf8')) as CommandTable;
  } catch {
    return undefined;
  }
}

/** Finds the shell: our scripts name it; the scripts of release 0.1.0 leave it to the variable SHELL. */
function findShell({ IMAGEFACTORY_SHELL: given, SHELL: login = '' }: NodeJS.ProcessEnv): Shell {
  const name = given ?? login;
  return name.endsWith('zsh') ? 'zsh' : name.endsWith('fish') ? 'fish' : 'bash';
}

function formatChoice({ value, description }: Choice, shell: Shell): string {
  const text = description.replace(/\s+/g, ' ').trim();
  if (shell === 'fish') return `${value}\t${text}`;
  return shell === 'zsh' ? `${value.replaceAll(':', '\\:')}:${text}` : value;
}

/** Lists what may stand in place of the last word and begins like it. Empty when any text or file may stand there. */
export function listCandidates(words: string[], table: CommandTable, listBuilds: () => Choice[]): Choice[] {
  const current = words.at(-1) ?? '';
  const place = findPlace(words.slice(0, -1), table);
  return listChoices(place, current, table, listBuilds).filter(({ value }) => value.startsWith(current));
}

/** The place of the word that is being completed. */
type Place =
  | { of: 'command' }
  | { of: 'nothing' }
  /** `given`: the values of the option that stand before the word. */
  | { of: 'value'; option: OptionRow; given: string[]; parameters: ParameterRow[] }
  | { of: 'argument'; argument: ArgumentRow | undefined; options: OptionRow[]; isLiteral: boolean };

function findPlace(before: string[], { commands, options: common, parameters: ofBase }: CommandTable): Place {
  let command: CommandTable['commands'][number] | undefined;
  let isLiteral = false;
  let count = 0;
  const words = [...before];
  for (let word = words.shift(); word !== undefined; word = words.shift()) {
    if (word.startsWith('-') && !isLiteral) {
      isLiteral = word === '--';
      const options = [...(command?.options ?? []), ...common];
      const option = options.find(({ value }) => value === word);
      if (option === undefined) continue;
      const given = words.splice(0, option.values);
      const parameters = [...(command?.parameters ?? []), ...ofBase];
      if (given.length < option.values) return { of: 'value', option, given, parameters };
    } else if (command === undefined) {
      command = commands.find(({ value }) => value === word);
      if (command === undefined) return { of: 'nothing' };
    } else count++;
  }
  if (command === undefined) return { of: 'command' };
  const last = command.arguments.at(-1);
  const argument = command.arguments[count] ?? (last?.repeated === true ? last : undefined);
  return { of: 'argument', argument, options: [...command.options, ...common], isLiteral };
}

function listChoices(place: Place, current: string, table: CommandTable, listBuilds: () => Choice[]): Choice[] {
  if (place.of === 'nothing') return [];
  if (place.of === 'command') return current.startsWith('-') ? table.options : table.commands;
  if (place.of === 'value') return listValues(place);
  const { argument, options, isLiteral } = place;
  if (current.startsWith('-') && !isLiteral) return options;
  if (argument === undefined) return isLiteral ? [] : options;
  if (argument.kind === 'uuid') return listBuilds();
  return argument.choices.map(toChoice);
}

function listValues({ option, given, parameters }: Extract<Place, { of: 'value' }>): Choice[] {
  if (!option.takesParameter) return option.choices.map(toChoice);
  const [name] = given;
  if (name === undefined) return parameters;
  if (option.value === '--file-parameter') return [];
  return (parameters.find((parameter) => parameter.value === name)?.choices ?? []).map(toChoice);
}

function toChoice(value: string): Choice {
  return { value, description: '' };
}
