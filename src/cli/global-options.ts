import type { Options } from 'yargs';
import { DEFAULT_TASK_QUEUE } from '../client/index.js';
import { DEFAULT_CONFIG_FILE } from './config.js';

const COMPATIBLE = 'taken for compatibility; has no effect';

/** Options of every command. They may stand before the command, as in imagefactory, or after it. */
export const GLOBAL_OPTIONS: Record<string, Options> = {
  config: {
    type: 'string',
    requiresArg: true,
    describe: `JSON file whose keys are defaults of these options (default ${DEFAULT_CONFIG_FILE})`,
  },
  output: {
    choices: ['log', 'json'],
    describe: 'what standard output gets: text, or one JSON document at the end (default log)',
  },
  raw: { type: 'boolean', describe: 'JSON without colours; it never has any' },
  verbose: { type: 'boolean', describe: 'say more while a build runs' },
  debug: { type: 'boolean', describe: 'also say where an error came from' },
  nodebug: { type: 'boolean', describe: 'no debug output, whatever the configuration says' },
  timeout: { type: 'string', requiresArg: true, describe: 'seconds that a whole build may take (default 14400)' },
  'task-queue': {
    type: 'string',
    requiresArg: true,
    describe: `Temporal task queue of the workers (default ${DEFAULT_TASK_QUEUE})`,
  },
  'ui-address': {
    type: 'string',
    requiresArg: true,
    describe: 'address of the Temporal UI, for links (default: the development server’s)',
  },
  'payload-keys': {
    type: 'string',
    requiresArg: true,
    describe: 'encrypt what enters Temporal with the keys of this file (FILE; see `codec`)',
  },
  imgdir: { type: 'string', requiresArg: true, describe: 'where a worker keeps what it fetches (DIR)' },
  tmpdir: { type: 'string', requiresArg: true, describe: 'becomes TMPDIR (DIR)' },
  plugins: { type: 'string', requiresArg: true, hidden: true, describe: COMPATIBLE },
  'ec2-32bit-util': { type: 'string', requiresArg: true, hidden: true, describe: COMPATIBLE },
  'ec2-64bit-util': { type: 'string', requiresArg: true, hidden: true, describe: COMPATIBLE },
};
