import type { ImageFactoryClient } from '../../client/connection.js';
import { parseDuration } from '../duration.js';
import { UsageError } from '../../client/errors.js';
import { jsonDocument } from '../output.js';
import { scheduleSweeps, unscheduleSweeps } from '../../client/gc.js';
import { withClient, type Command, type CommandContext } from './command.js';
import { lastValue } from '../config.js';
import { SWEEP_OPTIONS, sweepInput } from './gc.js';

export const setup: Command = {
  usage: 'setup',
  summary: 'register the search attributes on the Temporal cluster, and schedule the sweeper',
  options: {
    'gc-schedule': {
      type: 'string',
      requiresArg: true,
      describe: 'sweep every so often, as `gc` does, on the workers of the task queue: 6h, 1d; off: no longer',
    },
    ...SWEEP_OPTIONS,
  },
  examples: [
    ['TEMPORAL_ADDRESS=temporal.example.org:7233 $0 setup', 'once for each namespace'],
    ['$0 setup --gc-schedule 6h --cloud dev --cloud prod', 'remove what nobody needs, every six hours'],
  ],
  run: runSetup,
};

async function runSetup(context: CommandContext): Promise<number> {
  const sweeps = sweepsWanted(context);
  return withClient(context, async (factory) => {
    const { registerSearchAttributes } = await import('../../client/search-attributes.js');
    const added = await registerSearchAttributes(factory.connection, factory.namespace);
    const what = added.length === 0 ? 'all search attributes are there already' : `registered ${added.join(', ')}`;
    const schedule = sweeps === undefined ? undefined : await applySchedule(context, factory, sweeps);
    if (context.settings.output === 'json') {
      context.io.out(jsonDocument({ added, ...(schedule === undefined ? {} : { gc_schedule: schedule.word }) }));
      return 0;
    }
    context.io.out(`namespace ${factory.namespace}: ${what}\n`);
    if (schedule !== undefined) context.io.out(`task queue ${factory.taskQueue}: ${schedule.said}\n`);
    return 0;
  });
}

/** Seconds between two sweeps, `off`, or undefined where nothing is said. @throws UsageError */
function sweepsWanted({ options }: CommandContext): number | 'off' | undefined {
  const given = lastValue(options['gc-schedule']);
  if (given === undefined || given === 'off') return given;
  const seconds = parseDuration('--gc-schedule', given);
  if (seconds >= 60) return seconds;
  throw new UsageError('--gc-schedule: sweeps are at least a minute apart', { hint: '--gc-schedule off ends them' });
}

async function applySchedule(
  context: CommandContext,
  factory: ImageFactoryClient,
  sweeps: number | 'off',
): Promise<{ word: string; said: string }> {
  if (sweeps === 'off') {
    const word = (await unscheduleSweeps(factory)) ? 'removed' : 'absent';
    return { word, said: word === 'removed' ? 'the sweeper’s schedule is removed' : 'the sweeper has no schedule' };
  }
  const input = sweepInput(context, false);
  const word = await scheduleSweeps(factory, sweeps, input);
  const every = String(lastValue(context.options['gc-schedule']));
  return { word, said: `the sweeper’s schedule is ${word}: every ${every} in ${input.clouds.join(', ')}` };
}
