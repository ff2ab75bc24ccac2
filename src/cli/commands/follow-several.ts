import type { ImageFactoryClient, StartedOnce } from '../../client/index.js';
import type { ResultDocument } from '../documents.js';
import type { CommandContext } from './command.js';
import { followToEnd, formatDetachHint } from './follow.js';

/** The JSON document of one of several builds. */
export type BuildDocument = ResultDocument<'watch'>;

const STATUSES = { started: 'NEW', running: 'BUILDING', complete: 'COMPLETE' } as const;

/** Describes a build that has been started, for the JSON document. */
export function describeStarted({ uuid, workflowId, runId, state }: StartedOnce): BuildDocument {
  return { identifier: uuid, status: STATUSES[state], workflow_id: workflowId, run_id: runId };
}

/** The builds that a command follows. */
interface SeveralBuilds {
  /** Builds that the others wait for. Standard output is for the images that the user has asked for, not for these. */
  before: StartedOnce[];
  builds: StartedOnce[];
}

/**
 * Follows builds to their end, one after the other: first those that the others wait for.
 *
 * @returns the exit code of the first that has failed, and a document for each build
 */
export async function followSeveral(
  context: CommandContext,
  client: ImageFactoryClient,
  { before, builds }: SeveralBuilds,
): Promise<{ exitCode: number; documents: BuildDocument[] }> {
  const { io } = context;
  const all = [...before, ...builds];
  const documents = new Map(all.map((build) => [build.uuid, describeStarted(build)]));
  const leaveHint = formatDetachHint(all.map(({ uuid }) => uuid));
  let exitCode = 0;
  for (const build of all) {
    const code = await followToEnd(context, client, build.uuid, {
      printDocument: (document) => documents.set(build.uuid, document),
      ...(before.includes(build) ? { printOutcome: (text: string) => io.err(text) } : {}),
      leaveHint,
    });
    if (exitCode === 0) exitCode = code;
    // A signal ends the command, not only the view of this image.
    if (code > 128) break;
  }
  return { exitCode, documents: [...documents.values()] };
}
