import { basename } from 'node:path';
import {
  BuildStateError,
  cancelBuild,
  DEFAULT_TASK_QUEUE,
  isSameBuild,
  listOpenBuilds,
  startBuild,
  waitUntilIdle,
  workflowPageUrl,
  getWorkflowId,
  type BuildRequest,
  type CheckedRequest,
  type ImageFactoryClient,
  type OpenBuild,
} from '../../client/index.js';
import { toPlainLine } from '../../domain/plain-text.js';
import { DEFAULT_IMGDIR } from '../config.js';
import { CommandError } from '../errors.js';
import type { Io } from '../io.js';
import { startLocalServer } from '../local/local-server.js';
import {
  FolderInUseError,
  lockStateFolder,
  makePayloadKeys,
  openStateFolder,
  type StateFolder,
} from '../local/state-folder.js';
import { withClient, type CommandContext } from './command.js';
import { followToEnd } from './follow.js';
import { toWorkerOptions } from './worker-options.js';

const EXIT_CODES = { SIGINT: 130, SIGTERM: 143 } as const;
const FOOTER = 'Ctrl-C cancels the build; a second Ctrl-C leaves it to the next call';
const LEAVE_HINT =
  '\nThe build is interrupted, and its resources stay in the cloud. The next `imagefactory base_image --local` goes on.\n';
const AGAIN_HINT =
  'To try again: correct the files, and give the command again. A system that is installed (JEOS) is used again.\n';

/**
 * Builds an image with a worker and a Temporal server that run only for this call. Temporal's database stays in the
 * state folder: builds that an earlier call has left go on. The first Ctrl-C cancels the build, which then cleans up;
 * the second one, or SIGTERM, leaves the build to the next call.
 *
 * @returns the exit code: that of the build; 130 or 143 when a signal ended it
 * @throws CommandError when another call runs, or Temporal cannot be started
 */
export async function buildLocally(
  context: CommandContext,
  request: BuildRequest,
  checked: CheckedRequest,
): Promise<number> {
  const { io } = context;
  const folder = openStateFolder(io.env);
  const unlock = lock(folder);
  const interruption = new Interruption(context);
  try {
    makePayloadKeys(folder);
    const say = (line: string): void => io.err(`${line}\n`);
    const stopServer = await startLocalServer(folder, { env: io.env, say });
    try {
      return await runWithWorker(toLocalContext(context, folder), folder, interruption, (client) =>
        buildWithClient(context, client, { request, checked, interruption, folder }),
      );
    } finally {
      await stopServer();
    }
  } finally {
    interruption.close();
    unlock();
  }
}

function lock(folder: StateFolder): () => void {
  try {
    return lockStateFolder(folder);
  } catch (error) {
    if (!(error instanceof FolderInUseError)) throw error;
    throw new CommandError(`another \`imagefactory base_image --local\` runs: process ${error.pid}`, {
      hint:
        `wait until it has ended, or look at it: ${formatReach(folder)} watch UUID\n` +
        'for builds at the same time, start `imagefactory dev start` and `imagefactory worker`, and leave --local out',
      cause: error,
    });
  }
}

/** Formats the beginning of a command that reaches the server of the state folder, and can decrypt what it answers. */
function formatReach({ temporalConfig, payloadKeys }: StateFolder): string {
  return `TEMPORAL_CONFIG_FILE=${temporalConfig} imagefactory --payload-keys ${payloadKeys}`;
}

/** Changes the settings to the worker and the server of this call. */
function toLocalContext(context: CommandContext, folder: StateFolder): CommandContext {
  const { imgdir } = context.settings;
  const settings = {
    ...context.settings,
    // Every call has the same task queue, so that the builds of an earlier call go on.
    taskQueue: DEFAULT_TASK_QUEUE,
    storagePath: folder.storage,
    // And the same keys, whatever keys the user has for other servers.
    payloadKeysFile: folder.payloadKeys,
    imgdir: imgdir === DEFAULT_IMGDIR ? folder.media : imgdir,
  };
  // It is the address of another server's UI.
  delete settings.uiAddress;
  return { ...context, settings };
}

/** What the user's signals have asked for. */
export class Interruption {
  /** Is aborted when the command must leave the build as it is. */
  readonly leave = new AbortController();
  /** The signal that came last. */
  signal: keyof typeof EXIT_CODES | undefined;
  /** Cancels the build that the command starts or follows. Unset while there is none. */
  cancel: (() => void) | undefined;
  readonly close: () => void;

  constructor({ io }: Pick<CommandContext, 'io'>) {
    this.close = io.onInterrupt((signal) => {
      this.signal = signal;
      const { cancel } = this;
      this.cancel = undefined;
      if (signal === 'SIGINT' && cancel !== undefined) {
        cancel();
        return;
      }
      this.leave.abort();
      // The next Ctrl-C ends the process at once.
      this.close();
    });
  }

  /** The exit code of a command that a signal has ended. */
  get exitCode(): number {
    return EXIT_CODES[this.signal ?? 'SIGINT'];
  }
}

/** Runs a worker in this process while `work` runs. */
async function runWithWorker(
  context: CommandContext,
  folder: StateFolder,
  { leave }: Interruption,
  work: (client: ImageFactoryClient) => Promise<number>,
): Promise<number> {
  const { io, settings } = context;
  const { runWorker } = await import('../../worker/run.js');
  const stop = new AbortController();
  let started = (): void => undefined;
  const polls = new Promise<void>((resolve) => (started = resolve));
  const running = runWorker({
    ...toWorkerOptions(settings, io.env),
    logFile: folder.workerLog,
    stop: stop.signal,
    onStart: started,
  });
  // Rejects when the worker fails, and never resolves.
  const died = running.then(() => new Promise<never>(() => undefined));
  died.catch(() => undefined);
  try {
    await Promise.race([polls, died]);
    return await withClient(context, (client) => Promise.race([work(client), died]));
  } finally {
    if (leave.signal.aborted) io.err('Stopping the worker…\n');
    stop.abort();
    await running.catch(() => undefined);
  }
}

/**
 * Starts the build, unless an open one is the same, and follows it. Then waits until the other open builds have ended.
 *
 * @returns the exit code, as {@link buildLocally}
 */
export async function buildWithClient(
  context: CommandContext,
  client: ImageFactoryClient,
  input: { request: BuildRequest; checked: CheckedRequest; interruption: Interruption; folder: StateFolder },
): Promise<number> {
  const { io } = context;
  const { request, checked, interruption, folder } = input;
  const { signal: leaving } = interruption.leave;
  const open = await listOpenBuilds(client);
  const same = open.find((build) => !build.isCanceled && isSameBuild(build, checked));
  for (const build of open) io.err(describeOpenBuild(build, build === same));
  if (leaving.aborted) {
    io.err(open.length === 0 ? 'No build was started.\n' : LEAVE_HINT);
    return interruption.exitCode;
  }
  // A Ctrl-C while the build is started counts, too: the build is cancelled as soon as its UUID is known.
  const canceling = new AbortController();
  interruption.cancel = () => canceling.abort();
  let code: number;
  try {
    const uuid = same?.uuid ?? (await startBuild(client, request)).uuid;
    if (same === undefined) {
      const page = workflowPageUrl(client, getWorkflowId(uuid));
      const name = toPlainLine(basename(checked.templateName));
      io.err(`Build ${uuid} of ${name} has started${page === undefined ? '' : `: ${page}`}\n`);
    }
    io.err(`Other commands reach it so: ${formatReach(folder)} status ${uuid}\n`);
    onAbort(canceling.signal, () => cancel(io, client, uuid));
    if (leaving.aborted) {
      io.err(LEAVE_HINT);
      return interruption.exitCode;
    }
    code = await followToEnd(context, client, uuid, {
      staysAt: () => !leaving.aborted,
      footer: FOOTER,
      leaveHint: LEAVE_HINT,
      againHint: AGAIN_HINT,
      serverEnds: true,
    });
  } finally {
    interruption.cancel = undefined;
  }
  if (leaving.aborted) return interruption.exitCode;
  for (const build of await listOpenBuilds(client)) {
    io.err(`Waiting until build ${build.uuid} of ${toPlainLine(basename(build.templateName))} has ended, too.\n`);
  }
  await waitUntilIdle(client, leaving);
  return canceling.signal.aborted && code !== 0 ? EXIT_CODES.SIGINT : code;
}

/** Calls a function when the signal is aborted: at once when it is already. */
function onAbort(signal: AbortSignal, run: () => void): void {
  if (signal.aborted) run();
  else signal.addEventListener('abort', run, { once: true });
}

/** Requests the cancellation of the build. Says what happens, and does not wait for it. */
function cancel(io: Io, client: ImageFactoryClient, uuid: string): void {
  io.err(`\nCancelling build ${uuid}, which then removes its resources. Ctrl-C again leaves that to the next call.\n`);
  cancelBuild(client, uuid).catch((error: unknown) => {
    // The build has just ended.
    if (!(error instanceof BuildStateError)) io.err(`imagefactory: ${toPlainLine((error as Error).message)}\n`);
  });
}

function describeOpenBuild({ uuid, templateName, isCanceled }: OpenBuild, isSame: boolean): string {
  const build = `Build ${uuid} of ${toPlainLine(basename(templateName))}`;
  if (isCanceled) return `${build} was cancelled and interrupted: it cleans up.\n`;
  if (isSame) return `${build} was interrupted: it goes on, and no new build starts.\n`;
  return `${build} was interrupted: it goes on beside the new build. To end it: imagefactory cancel ${uuid}\n`;
}
