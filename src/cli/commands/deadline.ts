import { setDeadline, type DeadlineName } from '../../client/index.js';
import { parseSeconds } from '../config.js';
import { formatDocument } from '../documents.js';
import { UUID_POSITIONAL, withBuild, type Command } from './command.js';

const NAMES: readonly DeadlineName[] = [
  'install_timeout',
  'boot_timeout',
  'shutdown_timeout',
  'snapshot_timeout',
  'inactivity_timeout',
];

export const deadline: Command = {
  usage: 'deadline <uuid> <name> <seconds>',
  summary: 'change how long a wait of a running build may take',
  positionals: {
    ...UUID_POSITIONAL,
    name: { type: 'string', choices: NAMES, describe: 'the deadline to change' },
    seconds: { type: 'string', describe: 'seconds that the wait may take in all, counted from its beginning' },
  },
  examples: [
    ['$0 deadline bdd32b97-0e94-473a-b376-74d2da289a2c install_timeout 10800', 'give a slow mirror three hours'],
  ],
  run: (context) => {
    const name = context.options['name'] as DeadlineName;
    const seconds = parseSeconds('seconds', context.options['seconds']);
    return withBuild(context, async (client, uuid) => {
      await setDeadline(client, uuid, { name, seconds });
      const text = `Build ${uuid}: ${name} is ${seconds} s now\n`;
      context.io.out(
        context.settings.output === 'json' ? formatDocument('deadline', { identifier: uuid, name, seconds }) : text,
      );
      return 0;
    });
  },
};
