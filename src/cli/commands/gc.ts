import type { Options } from 'yargs';
import {
  runSweep,
  type CloudSweep,
  type ProviderSweep,
  type SweepInput,
  type SweptResource,
} from '../../client/index.js';
import { indentNextLines } from '../../domain/plain-text.js';
import { formatDuration } from '../../domain/sweep.js';
import { lastValue } from '../config.js';
import { parseDuration } from '../duration.js';
import { formatDocument, type DocumentError } from '../documents.js';
import { formatTable } from '../output.js';
import { withClient, type Command, type CommandContext } from './command.js';

/** The options that `gc` and `setup --gc-schedule` share. */
export const SWEEP_OPTIONS: Record<string, Options> = {
  cloud: {
    type: 'string',
    alias: 'os-cloud',
    requiresArg: true,
    describe: 'cloud to sweep, by its name on the worker; repeatable (default: the same as for base_image)',
  },
  provider: {
    type: 'string',
    requiresArg: true,
    describe:
      'provider from which to remove what ended pushes have left; repeatable. Then only the clouds of --cloud are swept',
  },
  'older-than': {
    type: 'string',
    requiresArg: true,
    describe: 'keep resources that are younger than this: 90s, 30m, 24h, 7d (default 24h)',
  },
  'jeos-keep': {
    type: 'string',
    requiresArg: true,
    describe:
      'number of JEOS images to keep in each cloud: those used last (default 10, or jeos_keep of the configuration file)',
  },
  'unused-for': {
    type: 'string',
    requiresArg: true,
    describe: 'remove JEOS images and installer media that no build has used for this time (default 30d)',
  },
};

export const gc: Command = {
  usage: 'gc',
  summary: 'remove from the cloud what no running build needs: instances, volumes, addresses, keys, images',
  options: {
    'dry-run': { type: 'boolean', describe: 'remove nothing; list what would be removed and what would stay' },
    ...SWEEP_OPTIONS,
  },
  examples: [
    ['$0 gc --dry-run', 'list the resources and why each would be removed or stay'],
    ['$0 gc --older-than 2h --cloud dev --cloud prod', ''],
    ['$0 gc --provider images-eu', 'remove what ended pushes have left at a provider'],
    ['$0 setup --gc-schedule 6h', 'sweep every six hours'],
  ],
  run: runGc,
};

/** Makes the input of a sweep from the command line. @throws UsageError when an age is not a duration */
export function parseSweepInput({ options, settings }: CommandContext, dryRun: boolean): SweepInput {
  const providers = listNames(options['provider'], []).map((name) => name.replace(/^@/, ''));
  const read = (name: string, byDefault: string): unknown => lastValue(options[name]) ?? byDefault;
  return {
    clouds: listNames(options['cloud'], providers.length === 0 ? [settings.cloud] : []),
    ...(providers.length === 0 ? {} : { providers }),
    limits: {
      olderThan: parseDuration('--older-than', read('older-than', '24h')),
      jeosKeep: settings.jeosKeep ?? 10,
      unusedFor: parseDuration('--unused-for', read('unused-for', '30d')),
    },
    dryRun,
  };
}

async function runGc(context: CommandContext): Promise<number> {
  const input = parseSweepInput(context, context.options['dry-run'] === true);
  return withClient(context, async (client) => {
    const { clouds, providers = [] } = await runSweep(client, input);
    const { io, settings } = context;
    const error = describeSweepFailure([...clouds, ...providers]);
    if (settings.output === 'json') {
      io.out(
        formatDocument('gc', { dry_run: input.dryRun, clouds, providers, ...(error === undefined ? {} : { error }) }),
      );
    } else {
      const withKept = input.dryRun || settings.verbose;
      for (const sweep of clouds) io.out(formatSweep(sweep, withKept));
      for (const sweep of providers) io.out(formatProviderSweep(sweep, withKept));
    }
    return error === undefined ? 0 : 1;
  });
}

/** Describes what a sweep could not do. Returns undefined when nothing failed. */
function describeSweepFailure(sweeps: (CloudSweep | ProviderSweep)[]): DocumentError | undefined {
  const unswept = sweeps
    .filter(({ failure }) => failure !== undefined)
    .map((sweep) => ('cloud' in sweep ? sweep.cloud : `provider ${sweep.provider}`));
  const left = sweeps.flatMap(({ resources }) =>
    (resources as { id: string; outcome: string }[]).filter(({ outcome }) => outcome === 'failed'),
  );
  const parts = [
    ...(unswept.length === 0 ? [] : [`these could not be swept: ${unswept.join(', ')}`]),
    ...(left.length === 0 ? [] : [`these resources could not be removed: ${left.map(({ id }) => id).join(', ')}`]),
  ];
  return parts.length === 0 ? undefined : { type: 'Command', message: parts.join('; ') };
}

const WORDS: Record<SweptResource['outcome'], string> = {
  removed: 'removed',
  removable: 'would go',
  kept: 'stays',
  failed: 'FAILED',
};

/**
 * Formats what a sweep did in a cloud: one line for each resource, and one line with the totals.
 *
 * @param withKept whether to list also the resources that stay
 */
export function formatSweep({ cloud, resources, unnamed, postponed, failure }: CloudSweep, withKept: boolean): string {
  if (failure !== undefined) return `${cloud}: could not be swept: ${indentNextLines(failure)}\n`;
  const shown = resources.filter(({ outcome }) => withKept || outcome !== 'kept');
  const rows = shown.map(({ outcome, kind, id, name, age, why }) => [
    WORDS[outcome],
    kind,
    name === id || name === '' ? id : `${id} ${name}`,
    age === null ? '?' : formatDuration(age),
    why,
  ]);
  const lines = rows.length === 0 ? '' : formatTable(['', 'KIND', 'ID, NAME', 'AGE', 'WHY'], rows);
  const parts = [
    ...countOutcomes(resources, unnamed),
    ...(postponed > 0 ? [`the resources of ${postponed} builds are left for the next sweep`] : []),
  ];
  return `${lines}${cloud}: ${parts.join(', ')}\n`;
}

/** Formats what a sweep did at a provider, as {@link formatSweep} does. */
function formatProviderSweep({ provider, resources, failure }: ProviderSweep, withKept: boolean): string {
  if (failure !== undefined) return `provider ${provider}: could not be swept: ${indentNextLines(failure)}\n`;
  const rows = resources
    .filter(({ outcome }) => withKept || outcome !== 'kept')
    .map(({ outcome, kind, id, build, age, why }) => [
      WORDS[outcome],
      kind,
      id,
      build,
      age === null ? '?' : formatDuration(age),
      why,
    ]);
  const lines = rows.length === 0 ? '' : formatTable(['', 'KIND', 'ID', 'IMAGE', 'AGE', 'WHY'], rows);
  return `${lines}provider ${provider}: ${countOutcomes(resources, 0).join(', ')}\n`;
}

/** Counts what was removed, what would be, what could not be, and what stays. `unnamed`: what stays besides. */
function countOutcomes(resources: readonly { outcome: SweptResource['outcome'] }[], unnamed: number): string[] {
  const count = (outcome: SweptResource['outcome']): number =>
    resources.filter((resource) => resource.outcome === outcome).length;
  return [
    ...(['removed', 'removable', 'failed'] as const)
      .filter((outcome) => count(outcome) > 0)
      .map((outcome) => `${count(outcome)} ${WORDS[outcome]}`),
    `${count('kept') + unnamed} stay`,
  ];
}

/** Lists the values of an option that may be repeated, each once. */
function listNames(given: unknown, byDefault: string[]): string[] {
  return given === undefined ? byDefault : [...new Set([given].flat().map(String))];
}
