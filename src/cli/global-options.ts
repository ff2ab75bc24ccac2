import type { Options } from 'yargs';
import { DEFAULT_TASK_QUEUE } from '../client/index.js';
import { DEFAULT_CONFIG_FILE } from './config.js';

const COMPATIBLE = 'accepted for compatibility with the original imagefactory; has no effect';

/** Options of every command. They may stand before the command, as in the original imagefactory, or after it. */
export const GLOBAL_OPTIONS: Record<string, Options> = {
  config: {
    type: 'string',
    requiresArg: true,
    describe: `JSON file whose keys are defaults of these options (default ${DEFAULT_CONFIG_FILE})`,
  },
  output: {
    choices: ['log', 'json'],
    describe: 'format of standard output: log is text, json is one JSON document at the end (default log)',
  },
  raw: { type: 'boolean', describe: 'JSON without colours; has no effect, because JSON never has colours' },
  verbose: { type: 'boolean', describe: 'print more details while a build runs' },
  debug: { type: 'boolean', describe: 'print details as --verbose does, and the stack trace of an error' },
  nodebug: { type: 'boolean', describe: 'no debug output, even if the configuration file has debug' },
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
    describe: 'encrypt the payloads in Temporal with the keys in this file (FILE; see `codec`)',
  },
  imgdir: {
    type: 'string',
    requiresArg: true,
    describe: 'folder where a worker keeps the files that it downloads (DIR)',
  },
  tmpdir: { type: 'string', requiresArg: true, describe: 'folder for temporary files; sets TMPDIR (DIR)' },
  plugins: { type: 'string', requiresArg: true, hidden: true, describe: COMPATIBLE },
  'ec2-32bit-util': { type: 'string', requiresArg: true, hidden: true, describe: COMPATIBLE },
  'ec2-64bit-util': { type: 'string', requiresArg: true, hidden: true, describe: COMPATIBLE },
};
