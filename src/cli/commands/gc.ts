import type { Options } from 'yargs';
import type { CloudSweep, SweepInput, SweptResource } from '../../domain/messages.js';
import { formatDuration } from '../../domain/sweep-rules.js';
import { lastValue } from '../config.js';
import { parseDuration } from '../duration.js';
import { jsonDocument, table } from '../output.js';
import { runSweep } from '../../client/gc.js';
import { withClient, type Command, type CommandContext } from './command.js';

/** What `gc` and `setup --gc-schedule` have in common. */
export const SWEEP_OPTIONS: Record<string, Options> = {
  cloud: {
    type: 'string',
    alias: 'os-cloud',
    requiresArg: true,
    describe: 'cloud to sweep, as the worker knows it; may be given several times (default: as base_image has it)',
  },
  'older-than': {
    type: 'string',
    requiresArg: true,
    describe: 'leave what is younger: 90s, 30m, 24h, 7d (default 24h)',
  },
  'jeos-keep': {
    type: 'string',
    requiresArg: true,
    describe:
      'how many JEOS images to keep in each cloud, those used last (default 10, or jeos_keep of the configuration file)',
  },
  'unused-for': {
    type: 'string',
    requiresArg: true,
    describe: 'remove JEOS images and installer media that no build has used for so long (default 30d)',
  },
};

export const gc: Command = {
  usage: 'gc',
  summary: 'remove from the cloud what no living build needs (builds make no volumes; none are looked for)',
  options: {
    'dry-run': { type: 'boolean', describe: 'remove nothing; say what would be removed and what would stay' },
    ...SWEEP_OPTIONS,
  },
  examples: [
    ['$0 gc --dry-run', 'what is there, whose it is, and what would go'],
    ['$0 gc --older-than 2h --cloud dev --cloud prod', ''],
    ['$0 setup --gc-schedule 6h', 'do it every six hours'],
  ],
  run: runGc,
};

/** The input of a sweep, from the command line. @throws UsageError */
export function sweepInput({ options, settings }: CommandContext, dryRun: boolean): SweepInput {
  const text = (name: string, byDefault: string): unknown => lastValue(options[name]) ?? byDefault;
  return {
    clouds: options['cloud'] === undefined ? [settings.cloud] : [...new Set([options['cloud']].flat().map(String))],
    limits: {
      olderThan: parseDuration('--older-than', text('older-than', '24h')),
      jeosKeep: settings.jeosKeep ?? 10,
      unusedFor: parseDuration('--unused-for', text('unused-for', '30d')),
    },
    dryRun,
  };
}

async function runGc(context: CommandContext): Promise<number> {
  const input = sweepInput(context, context.options['dry-run'] === true);
  return withClient(context, async (factory) => {
    const { clouds } = await runSweep(factory, input);
    const { io, settings } = context;
    if (settings.output === 'json') io.out(jsonDocument({ dry_run: input.dryRun, clouds }));
    else for (const sweep of clouds) io.out(sweepText(sweep, input.dryRun || settings.verbose));
    const isWhole = clouds.every(
      ({ failure, resources: things }) => failure === undefined && things.every(({ outcome }) => outcome !== 'failed'),
    );
    return isWhole ? 0 : 1;
  });
}

const WORDS: Record<SweptResource['outcome'], string> = {
  removed: 'removed',
  removable: 'would go',
  kept: 'stays',
  failed: 'FAILED',
};

/** A line a thing, and a line that sums up. What stays is told only where that is wanted. */
export function sweepText(
  { cloud, resources: things, unnamed, postponed, failure }: CloudSweep,
  withKept: boolean,
): string {
  if (failure !== undefined) return `${cloud}: could not be swept: ${failure}\n`;
  const shown = things.filter(({ outcome }) => withKept || outcome !== 'kept');
  const rows = shown.map(({ outcome, kind, id, name, age, why }) => [
    WORDS[outcome],
    kind,
    name === id || name === '' ? id : `${id} ${name}`,
    age === null ? '?' : formatDuration(age),
    why,
  ]);
  const lines = rows.length === 0 ? '' : table(['', 'KIND', 'ID, NAME', 'AGE', 'WHY'], rows);
  const count = (outcome: SweptResource['outcome']): number =>
    things.filter((thing) => thing.outcome === outcome).length;
  const parts = [
    ...(['removed', 'removable', 'failed'] as const)
      .filter((outcome) => count(outcome) > 0)
      .map((outcome) => `${count(outcome)} ${WORDS[outcome]}`),
    `${count('kept') + unnamed} stay`,
    ...(postponed > 0 ? [`what is left of ${postponed} builds waits for the next run`] : []),
  ];
  return `${lines}${cloud}: ${parts.join(', ')}\n`;
}
