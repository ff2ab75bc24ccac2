import { checkFiles, formatProblems, type FileReport, type GivenParameters } from '../../client/index.js';
import { toPlainLine } from '../../domain/plain-text.js';
import { UsageError } from '../errors.js';
import { formatDocument, type DocumentError } from '../documents.js';
import { formatWarning } from '../output.js';
import { findParameterFile, PARAMETER_OPTIONS, readParameters } from '../parameters.js';
import type { Command } from './command.js';

export const validate: Command = {
  usage: 'validate <file..>',
  summary: 'check templates, and an install script, without building anything',
  positionals: { file: { type: 'string', array: true, describe: 'TDL files; - is standard input' } },
  options: {
    ...PARAMETER_OPTIONS,
    'file-parameter': {
      type: 'string',
      nargs: 2,
      describe: 'install_script FILE: also check this install script (NAME FILE)',
    },
  },
  examples: [
    ['$0 validate f19.tdl --file-parameter install_script f19.ks', 'check the template and its kickstart'],
    ['$0 --output json validate *.tdl', 'print the mistakes as JSON, for a script or an editor'],
  ],
  run: async ({ io, settings, options }) => {
    const files = [options['file']].flat().map(String);
    if (files.length === 0 || files.includes('')) throw new UsageError('the path of a file is empty');
    const onWarning = (text: string): void => io.err(formatWarning(text));
    const reports = checkFiles(files, readScriptOption(options), onWarning, readOtherParameters(options));
    const isValid = reports.every(({ valid }) => valid);
    if (settings.output === 'json') {
      io.out(formatDocument('validate', { files: reports, ...(isValid ? {} : { error: toError(reports) }) }));
    } else {
      for (const report of reports) {
        io.out((report.valid ? [toPlainLine(`${report.file}: valid`)] : formatProblems(report)).join('\n') + '\n');
      }
    }
    return isValid ? 0 : 1;
  },
};

function toError(reports: FileReport[]): DocumentError {
  const invalid = reports.filter(({ valid }) => !valid).map(({ file }) => file);
  return { type: 'InvalidFiles', message: `there are mistakes in ${invalid.join(' and ')}` };
}

/** Reads the parameters on which the check of the install script depends, such as script_transport. */
function readOtherParameters({ parameter, parameters }: Record<string, unknown>): GivenParameters {
  return readParameters({ parameter, parameters });
}

function readScriptOption(options: Record<string, unknown>): string | undefined {
  const script = findParameterFile(options, 'install_script');
  if (options['file-parameter'] === undefined || script !== undefined) return script;
  throw new UsageError('validate checks only the parameter install_script', {
    hint: 'write --file-parameter install_script FILE',
  });
}
