import { baseImageWorkflowId } from '../../domain/base-image-input.js';
import { watchBuild } from '../../client/watch.js';
import { buildOutcome, type Outcome } from '../../client/outcome.js';
import { workflowPage, type ImageFactoryClient } from '../../client/connection.js';
import { findInstallerCleanup, type InstallerCleanup } from '../../client/installer-cleanup.js';
import { findImage, type ImageMetadata } from '../../client/images.js';
import type { Io } from '../io.js';
import type { Observation } from '../../client/watch.js';
import { jsonDocument, toMetadata, outcomeBlock } from '../output.js';
import { createView } from '../view/live.js';
import type { CommandContext } from './command.js';

/** Exit codes of a process that a signal ended, as shells count them; the build is not touched. */
const DETACHED = { SIGINT: 130, SIGTERM: 143 } as const;

/**
 * Follows a build to its end and prints how it went: the view on standard error, the result on standard output.
 *
 * @param wanted the end that is a success
 * @returns 0 for the wanted end, 1 for another, 130 or 143 when the user has left before the end
 */
export async function follow(
  context: CommandContext,
  factory: ImageFactoryClient,
  uuid: string,
  wanted: Outcome['status'] = 'COMPLETE',
): Promise<number> {
  const { io, settings } = context;
  const leaving = new AbortController();
  let signal: keyof typeof DETACHED | undefined;
  const stopListening = io.onInterrupt((name) => {
    signal = name;
    leaving.abort();
  });
  const view = createView(io, { factory, verbose: settings.verbose || settings.debug });
  let last: Observation | undefined;
  try {
    const interval = io.terminal === undefined ? 2000 : 1000;
    for await (const seen of watchBuild(factory, uuid, { interval, signal: leaving.signal })) {
      last = seen;
      view.show(seen);
    }
  } finally {
    view.close();
    stopListening();
  }
  if (signal !== undefined) {
    io.err(detachText(uuid));
    return DETACHED[signal];
  }
  const outcome = await factory.call(() => buildOutcome(factory, uuid));
  await conclude(context, factory, outcome, last);
  return outcome.status === wanted ? 0 : 1;
}

/** What a user who leaves a running build should know. */
export function detachText(uuid: string): string {
  return [
    '',
    'The build goes on without this command.',
    `  to watch it again:   imagefactory watch ${uuid}`,
    `  to cancel it:        imagefactory cancel ${uuid}`,
    '  to resume it, should its worker have stopped:   imagefactory worker',
    '',
  ].join('\n');
}

async function conclude(
  context: CommandContext,
  factory: ImageFactoryClient,
  outcome: Outcome,
  last: Observation | undefined,
): Promise<void> {
  const { io, settings } = context;
  const gone = await describeRemoved(factory, outcome, last);
  if (settings.output === 'json') {
    const { removed, leftovers } = gone;
    io.out(jsonDocument({ ...(await fetchRecord(factory, outcome)), removed, leftovers }));
  } else {
    io.out(outcomeBlock(outcome));
  }
  tellMore(io, outcome, last, gone);
  const page = workflowPage(factory, baseImageWorkflowId(outcome.uuid));
  if (page !== undefined) io.err(`The run in the Temporal UI: ${page}\n`);
}

/** The record as the store has it, and what the end of the workflow adds; that alone, should nobody read the store. */
async function fetchRecord(factory: ImageFactoryClient, outcome: Outcome): Promise<ImageMetadata> {
  const known = toMetadata(outcome);
  const record = await findImage(factory, outcome.uuid).catch(() => undefined);
  return { ...(record ?? known), failure: known.failure };
}

/** How a build that has ended without an image goes on. */
export function resumeText(uuid: string): string {
  return `To go on from what is left of it: imagefactory resume ${uuid} (--template FILE takes a corrected one)\n`;
}

/** What the clean-up of a build has removed and left, that of an installer's run that only it needed included. */
interface Gone {
  removed: string[];
  leftovers: string[];
  installer?: InstallerCleanup;
}

async function describeRemoved(
  factory: ImageFactoryClient,
  outcome: Outcome,
  last: Observation | undefined,
): Promise<Gone> {
  const { removed = [], leftovers = [] } = last?.status ?? {};
  if (outcome.status !== 'CANCELED' || last?.status === undefined) return { removed, leftovers };
  const installer = await findInstallerCleanup(factory, last.status);
  if (installer === undefined) return { removed, leftovers };
  return {
    removed: [...removed, ...installer.removed],
    leftovers: [...leftovers, ...installer.leftovers],
    installer,
  };
}

function tellMore(io: Io, outcome: Outcome, last: Observation | undefined, gone: Gone): void {
  const { removed, leftovers, installer } = gone;
  const kept = last?.status?.kept;
  if (kept !== undefined && kept.things.length > 0) {
    const until = `${new Date(kept.until).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
    io.err(`Kept until ${until}: ${kept.things.join(', ')}\n`);
  }
  if (outcome.status === 'FAILED') {
    const { hint, consoleTail } = outcome.failure;
    if (hint !== undefined) io.err(`What to do: ${hint}\n`);
    if (consoleTail) io.err(`The last lines of the console:\n${indented(consoleTail)}\n`);
  }
  if (installer?.goesOn === true) io.err(`The installer’s run ${installer.workflowId} goes on: other builds need it\n`);
  if (outcome.status !== 'COMPLETE' && removed.length > 0) io.err(`Removed: ${removed.join(', ')}\n`);
  if (outcome.status !== 'COMPLETE') io.err(resumeText(outcome.uuid));
  if (leftovers.length > 0) io.err(`Left in the cloud: ${leftovers.join(', ')}\n`);
}

function indented(text: string): string {
  return text
    .trimEnd()
    .split('\n')
    .map((line) => `  ${line}`)
    .join('\n');
}
