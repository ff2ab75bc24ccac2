import {
  registerSearchAttributes,
  scheduleSweeps,
  unscheduleSweeps,
  type ImageFactoryClient,
} from '../../client/index.js';
import { lastValue } from '../config.js';
import { parseDuration } from '../duration.js';
import { UsageError } from '../errors.js';
import { formatDocument } from '../documents.js';
import { withClient, type Command, type CommandContext } from './command.js';
import { parseSweepInput, SWEEP_OPTIONS } from './gc.js';

export const setup: Command = {
  usage: 'setup',
  summary: 'register the search attributes on the Temporal cluster, and schedule the sweeper',
  options: {
    'gc-schedule': {
      type: 'string',
      requiresArg: true,
      describe: 'interval of the sweeps (see `gc`) that the workers of the task queue run: 6h, 1d; off ends the sweeps',
    },
    ...SWEEP_OPTIONS,
  },
  examples: [
    ['TEMPORAL_ADDRESS=temporal.example.org:7233 $0 setup', 'once for each namespace'],
    ['$0 setup --gc-schedule 6h --cloud dev --cloud prod', 'sweep the clouds every six hours'],
  ],
  run: runSetup,
};

async function runSetup(context: CommandContext): Promise<number> {
  const interval = parseInterval(context);
  return withClient(context, async (client) => {
    const added = await registerSearchAttributes(client);
    const registered = added.length === 0 ? 'all search attributes exist already' : `registered ${added.join(', ')}`;
    const schedule = interval === undefined ? undefined : await applySchedule(context, client, interval);
    if (context.settings.output === 'json') {
      context.io.out(
        formatDocument('setup', { namespace: client.namespace, added, gc_schedule: schedule?.word ?? null }),
      );
      return 0;
    }
    context.io.out(`namespace ${client.namespace}: ${registered}\n`);
    if (schedule !== undefined) context.io.out(`task queue ${client.taskQueue}: ${schedule.sentence}\n`);
    return 0;
  });
}

/** Reads --gc-schedule: the seconds between two sweeps, or `off`; undefined when it is not given. @throws UsageError */
function parseInterval({ options }: CommandContext): number | 'off' | undefined {
  const given = lastValue(options['gc-schedule']);
  if (given === undefined || given === 'off') return given;
  const seconds = parseDuration('--gc-schedule', given);
  if (seconds >= 60) return seconds;
  throw new UsageError('--gc-schedule: the interval must be at least a minute', {
    hint: '--gc-schedule off ends the sweeps',
  });
}

async function applySchedule(
  context: CommandContext,
  client: ImageFactoryClient,
  interval: number | 'off',
): Promise<{ word: 'created' | 'updated' | 'removed' | 'absent'; sentence: string }> {
  if (interval === 'off') {
    return (await unscheduleSweeps(client))
      ? { word: 'removed', sentence: 'the sweeper’s schedule is removed' }
      : { word: 'absent', sentence: 'the sweeper has no schedule' };
  }
  const input = parseSweepInput(context, false);
  const word = await scheduleSweeps(client, interval, input);
  const every = String(lastValue(context.options['gc-schedule']));
  return { word, sentence: `the sweeper’s schedule is ${word}: every ${every} in ${input.clouds.join(', ')}` };
}
