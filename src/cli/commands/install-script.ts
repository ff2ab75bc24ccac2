import { renderStockScript } from '../../client/index.js';
import { lastValue } from '../config.js';
import { formatDocument } from '../documents.js';
import { formatWarning } from '../output.js';
import { readTemplateArgument } from '../parameters.js';
import type { Command } from './command.js';

export const installScript: Command = {
  usage: 'install-script <template>',
  summary: 'print the install script that a build of the template uses by default',
  positionals: { template: { type: 'string', describe: 'TDL file; - is standard input' } },
  options: {
    'disk-layout': { type: 'string', requiresArg: true, describe: 'plain, lvm or efi, as the parameter disk_layout' },
    'default-user': {
      type: 'string',
      requiresArg: true,
      describe: 'user that can log in to the system, as the parameter default_user',
    },
  },
  examples: [['$0 install-script f40.tdl > f40.ks', 'write a script that you can then change']],
  run: async ({ io, settings, options }) => {
    const template = readTemplateArgument(String(options['template']));
    const { kind, script, warnings } = renderStockScript(template, {
      disk_layout: lastValue(options['disk-layout']) as string | undefined,
      default_user: lastValue(options['default-user']) as string | undefined,
    });
    for (const warning of warnings) io.err(formatWarning(warning));
    if (settings.output === 'json') io.out(formatDocument('install-script', { kind, script }));
    // The script contains texts of the template, which must not control a terminal. So `out` removes control
    // characters. A file or a pipe gets the exact script.
    else if (io.outIsTerminal) io.out(script);
    else io.outExact(script);
    return 0;
  },
};
