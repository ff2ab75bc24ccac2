import { checkFiles, formatProblems } from '../../client/index.js';
import { toPlainLine } from '../../domain/plain-text.js';
import { UsageError } from '../errors.js';
import { formatJson, formatWarning } from '../output.js';
import { findParameterFile } from '../parameters.js';
import type { Command } from './command.js';

export const validate: Command = {
  usage: 'validate <file..>',
  summary: 'check templates, and an install script, without building anything',
  positionals: { file: { type: 'string', array: true, describe: 'TDL files; - is standard input' } },
  options: {
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
    const reports = checkFiles(files, readScriptOption(options), (text) => io.err(formatWarning(text)));
    if (settings.output === 'json') {
      io.out(formatJson(reports));
    } else {
      for (const report of reports) {
        io.out((report.valid ? [toPlainLine(`${report.file}: valid`)] : formatProblems(report)).join('\n') + '\n');
      }
    }
    return reports.every(({ valid }) => valid) ? 0 : 1;
  },
};

function readScriptOption(options: Record<string, unknown>): string | undefined {
  const script = findParameterFile(options, 'install_script');
  if (options['file-parameter'] === undefined || script !== undefined) return script;
  throw new UsageError('validate checks only the parameter install_script', {
    hint: 'write --file-parameter install_script FILE',
  });
}
