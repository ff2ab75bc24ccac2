import { readFileSync } from 'node:fs';
import { parseParameters } from '../../domain/parameters.js';
import { planBuild } from '../../planning/plan.js';
import { checkTemplate } from '../../client/check-files.js';
import { fileReason, InvalidFilesError, UsageError } from '../../client/errors.js';
import { jsonDocument } from '../output.js';
import { lastValue } from '../config.js';
import type { Command } from './command.js';

export const installScript: Command = {
  usage: 'install-script <template>',
  summary: 'print the install script that a build of a template takes when it is given none',
  positionals: { template: { type: 'string', describe: 'TDL file' } },
  options: {
    'disk-layout': { type: 'string', requiresArg: true, describe: 'plain, lvm or efi, as the parameter disk_layout' },
    'default-user': {
      type: 'string',
      requiresArg: true,
      describe: 'whom the system lets in, as the parameter default_user',
    },
  },
  examples: [['$0 install-script f40.tdl > f40.ks', 'to start one of your own from']],
  run: async ({ io, settings, options }) => {
    const file = String(options['template']);
    const parameters = parseParameters({
      disk_layout: lastValue(options['disk-layout']),
      default_user: lastValue(options['default-user']),
    });
    const { template, problems, warnings } = checkTemplate(readBytes(file));
    for (const warning of warnings) io.err(`warning: ${warning}\n`);
    if (template === undefined || problems.length > 0) throw new InvalidFilesError([{ file, valid: false, problems }]);
    const { script, installer } = planBuild({ template, parameters });
    io.out(settings.output === 'json' ? jsonDocument({ kind: installer.scriptKind, script }) : script);
    return 0;
  },
};

function readBytes(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    throw new UsageError(`${file} cannot be read: ${fileReason(error)}`);
  }
}
