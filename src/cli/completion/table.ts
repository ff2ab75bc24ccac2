/*
 * The command line as data, for completion. The build writes it to a file, because the code of the commands loads
 * Temporal's SDK, which takes longer than a user wants to wait after the Tab key. So this file imports nothing.
 */

/** A value that a user may write, and what it means. */
export interface Choice {
  value: string;
  description: string;
}

/** An argument of a command. */
export interface ArgumentRow {
  /** What the shell offers: `uuid` the builds, `file` its own file names. */
  kind: 'uuid' | 'file';
  /** The only values that are possible. Empty when there are others. */
  choices: string[];
  /** Whether the argument may be repeated. */
  repeated: boolean;
}

/** An option. */
export interface OptionRow extends Choice {
  /** How many words follow the option: its values. */
  values: number;
  /** The only values that are possible. Empty when there are others. */
  choices: string[];
  /** Whether the first value is the name of a parameter. */
  takesParameter: boolean;
}

export interface CommandRow extends Choice {
  arguments: ArgumentRow[];
  options: OptionRow[];
  /** The parameters that only this command takes. */
  parameters: ParameterRow[];
}

export interface ParameterRow extends Choice {
  choices: string[];
}

export interface CommandTable {
  commands: CommandRow[];
  /** The options of every command. */
  options: OptionRow[];
  /** The parameters of a base image. */
  parameters: ParameterRow[];
}
