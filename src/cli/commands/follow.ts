import {
  AmbiguousNameError,
  BuildNotFoundError,
  FactoryError,
  findDeletion,
  findImage,
  findInstallerCleanup,
  followBuild,
  getWorkflowId,
  waitForOutcome,
  workflowPageUrl,
  type BuildOutcome,
  type BuildProgress,
  type ImageFactoryClient,
  type InstallerCleanup,
} from '../../client/index.js';
import { indentNextLines, toPlainLine } from '../../domain/plain-text.js';
import { OutcomeUnknownError, UsageError } from '../errors.js';
import type { Io } from '../io.js';
import { describeBuildFailure } from '../document-error.js';
import { formatDocument, toDeletionDocument, type DocumentError, type ResultDocument } from '../documents.js';
import { toImageRecord } from '../output.js';
import { formatOutcome } from '../view/final-block.js';
import { formatDeletion } from '../view/deletion.js';
import { createView } from '../view/live.js';
import { formatTime } from '../view/text.js';
import type { CommandContext } from './command.js';

/** Exit codes when a signal ended the command: as in shells, 128 plus the number of the signal. The build continues. */
const DETACHED = { SIGINT: 130, SIGTERM: 143 } as const;

/** How a command follows a build. */
export interface FollowMode {
  /** The outcome that counts as success. Default: `COMPLETE`. */
  expected?: BuildOutcome['status'];
  /**
   * Is called at each signal. With `true` the command goes on following, else it leaves the build. Default: it leaves
   * the build.
   */
  staysAt?: (signal: 'SIGINT' | 'SIGTERM') => boolean;
  /** What the live view says about Ctrl-C. */
  footer?: string;
  /** What the user can do after the command has left a running build. */
  leaveHint?: string;
  /** What the user can do after the build has ended without an image. */
  againHint?: string;
  /** Prints the JSON document of the build. Default: prints it as the only document of the command. */
  printDocument?: (document: ResultDocument<'watch'>) => void;
  /** Prints the text that tells how the build has ended. Default: prints it on standard output. */
  printOutcome?: (text: string) => void;
  /** Whether Temporal's server ends with the command, so that its UI cannot show the build any more. */
  serverEnds?: boolean;
}

/**
 * Follows a build to its end: shows it on standard error, and prints its outcome on standard output.
 *
 * @returns exit code: 0 for the expected outcome, 1 for another, 130 or 143 when a signal ended the command first
 * @throws OutcomeUnknownError when the command cannot find out how the build goes
 */
export async function followToEnd(
  context: CommandContext,
  client: ImageFactoryClient,
  uuid: string,
  mode: FollowMode = {},
): Promise<number> {
  const { io, settings } = context;
  const abort = new AbortController();
  let signal: keyof typeof DETACHED | undefined;
  const stopListening = io.onInterrupt((name) => {
    if (mode.staysAt?.(name) === true) return;
    signal = name;
    abort.abort();
  });
  const view = createView(io, { client, verbose: settings.verbose || settings.debug, footer: mode.footer });
  let last: BuildProgress | undefined;
  try {
    const interval = io.terminal === undefined ? 2000 : 1000;
    for await (const progress of followBuild(client, uuid, { interval, signal: abort.signal })) {
      last = progress;
      view.show(progress);
    }
  } catch (error) {
    throw toFollowError(uuid, error);
  } finally {
    view.close();
    stopListening();
  }
  if (signal !== undefined) {
    if (settings.output === 'json') printDocument(io, mode, describeInterrupted(uuid, last, signal));
    io.err(mode.leaveHint ?? formatDetachHint([uuid]));
    return DETACHED[signal];
  }
  const outcome = await client
    .withTimeout(() => waitForOutcome(client, uuid))
    .catch((error: unknown) => Promise.reject(toFollowError(uuid, error)));
  await printEnd(context, client, outcome, last, mode);
  return outcome.status === (mode.expected ?? 'COMPLETE') ? 0 : 1;
}

/**
 * Converts an error of a command that follows a build to an OutcomeUnknownError, because the build may still run.
 * Returns the error unchanged when the build does not exist or the command line is wrong.
 */
export function toFollowError(uuid: string, error: unknown): unknown {
  if (error instanceof BuildNotFoundError || error instanceof AmbiguousNameError) return error;
  if (error instanceof OutcomeUnknownError) return error;
  if (error instanceof UsageError || (error instanceof FactoryError && error.type === 'InvalidParameter')) return error;
  const { message, hint = '' } = error as { message: string; hint?: string };
  return new OutcomeUnknownError(`it is not known how build ${uuid} goes: ${message}`, {
    hint: `${hint}\nthe build does not need this command; to follow it again: imagefactory watch ${uuid}`.trim(),
    cause: error,
  });
}

/** Prints the JSON document of a build in the way of the command. */
function printDocument(io: Io, mode: FollowMode, document: ResultDocument<'watch'>): void {
  if (mode.printDocument === undefined) io.out(formatDocument('watch', document));
  else mode.printDocument(document);
}

/** Describes, for the JSON document, a command that a signal ended while its build goes on. */
function describeInterrupted(uuid: string, last: BuildProgress | undefined, signal: string): ResultDocument<'watch'> {
  return {
    identifier: uuid,
    status: last?.status?.status ?? 'BUILDING',
    workflow_id: last?.workflowId ?? getWorkflowId(uuid),
    error: {
      type: 'Interrupted',
      message: `${signal} has ended the command; the build goes on`,
      hint: `to follow the build again: imagefactory watch ${uuid}`,
    },
  };
}

/** Formats the hint for a user who leaves running builds: the commands to watch, cancel or resume them. */
export function formatDetachHint(uuids: string[]): string {
  return [
    '',
    `${uuids.length === 1 ? 'The build continues' : 'The builds continue'} without this command.`,
    ...uuids.map((uuid) => `  to watch it again:   imagefactory watch ${uuid}`),
    ...uuids.map((uuid) => `  to cancel it:        imagefactory cancel ${uuid}`),
    '  to resume it, if its worker has stopped:   imagefactory worker',
    '',
  ].join('\n');
}

async function printEnd(
  context: CommandContext,
  client: ImageFactoryClient,
  outcome: BuildOutcome,
  last: BuildProgress | undefined,
  mode: FollowMode,
): Promise<void> {
  const { io, settings } = context;
  const { expected = 'COMPLETE', againHint = formatResumeHint(outcome.uuid, last), serverEnds = false } = mode;
  const cleanup = await summarizeCleanup(client, outcome, last);
  const deletion = await findDeletion(client, outcome.uuid, last?.startedAt).catch(() => undefined);
  if (settings.output === 'json') {
    const { removed, leftovers } = cleanup;
    const error = describeOutcome(outcome, expected);
    const record = await fetchRecord(client, outcome, last?.workflowId ?? getWorkflowId(outcome.uuid));
    printDocument(io, mode, {
      ...record,
      removed,
      leftovers,
      ...(deletion === undefined ? {} : { deleted: toDeletionDocument(deletion) }),
      ...(error === undefined ? {} : { error }),
    });
  } else {
    (mode.printOutcome ?? ((text) => io.out(text)))(formatOutcome(outcome));
  }
  printDetails(io, outcome, last, cleanup);
  if (outcome.status !== 'COMPLETE') io.err(againHint);
  const { leftovers } = cleanup;
  if (leftovers !== null && leftovers.length > 0) io.err(`Left in the cloud: ${toPlainLine(leftovers.join(', '))}\n`);
  if (deletion !== undefined) io.err(formatDeletion(outcome.uuid, deletion));
  const page = workflowPageUrl(client, last?.workflowId ?? getWorkflowId(outcome.uuid));
  if (page !== undefined && !serverEnds) io.err(`The run in the Temporal UI: ${page}\n`);
}

/** Fetches the record of a build and adds its failure. If no worker can read the record, makes one from the outcome. */
async function fetchRecord(
  client: ImageFactoryClient,
  outcome: BuildOutcome,
  workflowId: string,
): Promise<ReturnType<typeof toImageRecord>> {
  return { ...toImageRecord(outcome, workflowId), ...(await findImage(client, outcome.uuid).catch(() => undefined)) };
}

/** Describes an outcome that is not the expected one. Returns undefined for the expected outcome. */
function describeOutcome(outcome: BuildOutcome, expected: BuildOutcome['status']): DocumentError | undefined {
  if (outcome.status === expected) return undefined;
  if (outcome.status !== 'COMPLETE') return describeBuildFailure(outcome.failure);
  return { type: 'BuildState', message: `build ${outcome.uuid} had come to its end, and keeps its image` };
}

/** Formats the hint how to resume a build that ended without an image. */
function formatResumeHint(uuid: string, last: BuildProgress | undefined): string {
  const change = last?.status?.type === 'base_image' ? ' (--template FILE: with a corrected template)' : '';
  return `To continue from what is left of the build: imagefactory resume ${uuid}${change}\n`;
}

/** What a build's clean-up removed and left. Includes the clean-up of an installer run that only this build needed. */
interface CleanupSummary {
  /** Null when no worker could say it. */
  removed: string[] | null;
  leftovers: string[] | null;
  installer?: InstallerCleanup;
}

async function summarizeCleanup(
  client: ImageFactoryClient,
  outcome: BuildOutcome,
  last: BuildProgress | undefined,
): Promise<CleanupSummary> {
  const { removed = null, leftovers = null } = last?.status ?? {};
  if (outcome.status !== 'CANCELED' || last?.status === undefined) return { removed, leftovers };
  const installer = await findInstallerCleanup(client, last.status);
  if (installer === undefined) return { removed, leftovers };
  return {
    removed: [...(removed ?? []), ...installer.removed],
    leftovers: [...(leftovers ?? []), ...installer.leftovers],
    installer,
  };
}

/** Returns the UUID of the base image that a cancelled target image has waited for. */
function findAwaitedBase(last: BuildProgress | undefined): string | undefined {
  const { steps = [], baseImage } = last?.status ?? {};
  return steps.some(({ name, state }) => name === 'base' && state === 'failed') ? baseImage : undefined;
}

function printDetails(io: Io, outcome: BuildOutcome, last: BuildProgress | undefined, cleanup: CleanupSummary): void {
  const { installer } = cleanup;
  const removed = cleanup.removed ?? [];
  const kept = last?.status?.kept;
  if (kept !== undefined && kept.resources.length > 0) {
    io.err(`Kept until ${formatTime(kept.until)}: ${toPlainLine(kept.resources.join(', '))}\n`);
  }
  if (outcome.status === 'FAILED') {
    const { hint, consoleTail } = outcome.failure;
    if (hint !== undefined) io.err(`What to do: ${indentNextLines(hint)}\n`);
    if (consoleTail) io.err(`The last lines of the console:\n  ${indentNextLines(consoleTail)}\n`);
  }
  const waitedFor = outcome.status === 'CANCELED' ? findAwaitedBase(last) : undefined;
  if (waitedFor !== undefined) {
    io.err(`Base image ${waitedFor} goes on. To end it too: imagefactory cancel ${waitedFor}\n`);
  }
  if (installer?.goesOn === true) io.err(`The installer’s run ${installer.workflowId} goes on: other builds need it\n`);
  if (outcome.status !== 'COMPLETE' && removed.length > 0) io.err(`Removed: ${toPlainLine(removed.join(', '))}\n`);
}
