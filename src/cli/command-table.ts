import type { Options } from 'yargs';
import { listFirstBuildSystems } from '../client/index.js';
import { PARAMETERS } from '../domain/parameters.js';
import type { ParameterDefinition } from '../domain/parameter-definition.js';
import type { Command } from './commands/command.js';
import { COMMANDS } from './commands/index.js';
import { GLOBAL_OPTIONS } from './global-options.js';
import { PARAMETER_OPTIONS } from './parameters.js';
import type { ArgumentRow, CommandRow, CommandTable, OptionRow, ParameterRow } from './completion/table.js';

/** Builds the table of the command line, from which shells complete. */
export function buildTable(): CommandTable {
  const own = { help: { type: 'boolean', describe: 'show help' }, version: { type: 'boolean', describe: 'show the version' } } as const; // prettier-ignore
  return {
    commands: COMMANDS.map(describeCommand),
    options: describeOptions({ ...GLOBAL_OPTIONS, ...own }),
    parameters: Object.entries(PARAMETERS).map(describeParameter),
  };
}

function describeCommand({ usage, summary, positionals = {}, options = {}, parameters = {} }: Command): CommandRow {
  const [name = ''] = usage.split(' ');
  const rows = [...usage.matchAll(/[<[](\w+)(\.\.)?[\]>]/g)].map(([, argument = '', repeated]): ArgumentRow => {
    const known = argument === 'system' ? listFirstBuildSystems() : [];
    const choices = (positionals[argument]?.choices ?? known) as readonly string[];
    return { kind: argument === 'uuid' ? 'uuid' : 'file', choices: [...choices], repeated: repeated !== undefined };
  });
  const own = Object.entries(parameters)
    .filter(([parameter]) => !Object.hasOwn(PARAMETERS, parameter))
    .map(([value, { description, choices = [] }]): ParameterRow => ({ value, description, choices: [...choices] }));
  return {
    value: name,
    description: summary,
    arguments: rows,
    options: describeOptions(options),
    parameters: own,
  };
}

function describeOptions(options: Record<string, Options>): OptionRow[] {
  return Object.entries(options).flatMap(([name, option]) => {
    if (option.hidden === true) return [];
    const row = {
      description: option.describe ?? '',
      values: option.nargs ?? (option.type === 'boolean' ? 0 : 1),
      choices: ((option.choices ?? []) as readonly string[]).map(String),
      takesParameter: PARAMETER_OPTIONS[name]?.nargs === 2,
    };
    return [name, ...[option.alias ?? []].flat()].map((spelling) => ({ value: `--${spelling}`, ...row }));
  });
}

function describeParameter([value, definition]: [string, ParameterDefinition]): ParameterRow {
  const { kind, description, choices = [] } = definition;
  return { value, description, choices: kind === 'boolean' || kind === 'pool' ? ['True', 'False'] : [...choices] };
}
