import type { WorkflowExecutionInfo } from '@temporalio/client';
import {
  findRecordedKind,
  getWorkflowType,
  readKind,
  RECORDED_KINDS,
  stripKind,
  workflowIdFor,
  type RecordedKind,
} from '../domain/image-kinds.js';
import { WORKFLOWS } from '../domain/messages.js';
import { SEARCH_ATTRIBUTES } from '../domain/search-attributes.js';
import type { ImageFactoryClient } from './connection.js';
import { AmbiguousNameError, BuildNotFoundError, type NamedBuild } from './errors.js';
import { findImages, type ImageRecord } from './images.js';
import { callTemporal } from './temporal-errors.js';

/** How many builds an {@link AmbiguousNameError} lists. */
const MOST_LISTED = 10;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Where to look for builds. */
export interface FindUuidOptions {
  /**
   * Whether to look always in the store too, for builds that Temporal has forgotten. By default this is done only when
   * Temporal has no such build. A worker must run for it: without one, nobody can say whether there is another build.
   */
  forgotten?: boolean;
  /**
   * The kind of image that is meant where images of several kinds match: a target image has the name of its base
   * image's template. Default: none is preferred.
   */
  prefer?: RecordedKind;
}

/**
 * Finds the UUID of the one build that a text names. The text is a whole UUID, a workflow id as the Temporal UI shows
 * it (`base_image-<uuid>`), the beginning of one of these two, or the name of a template. A whole UUID or workflow id
 * needs no request, so a build is found as soon as it has started. For the other texts, the function asks Temporal's
 * search index, which is a moment late: it may not have a build that has just started.
 *
 * @example
 * const uuid = await findUuid(client, 'bdd32b97');
 *
 * @throws BuildNotFoundError when no build has this name
 * @throws AmbiguousNameError when several builds have it
 * @throws NoWorkerError when the store must be asked, and no worker can read it
 * @throws ClientError when Temporal does not answer, or lacks the search attributes
 */
export async function findUuid(
  client: ImageFactoryClient,
  text: string,
  { forgotten = false, prefer }: FindUuidOptions = {},
): Promise<string> {
  const name = text.trim();
  const start = stripKind(name).toLowerCase();
  if (UUID.test(start)) return start;
  if (name === '') throw new BuildNotFoundError(name);
  const preferred = prefer === undefined ? undefined : await findNamed(client, name, start, { forgotten, kinds: [prefer] }); // prettier-ignore
  const found = preferred?.size
    ? preferred
    : await findNamed(client, name, start, { forgotten, kinds: RECORDED_KINDS });
  const [first, ...others] = found.values();
  if (first === undefined) throw new BuildNotFoundError(name);
  if (others.length > 0)
    throw new AmbiguousNameError(name, [first, ...others].slice(0, MOST_LISTED), found.size > MOST_LISTED);
  return first.uuid;
}

/** Finds the builds of some kinds that a text names. */
async function findNamed(
  client: ImageFactoryClient,
  name: string,
  start: string,
  { forgotten, kinds }: { forgotten: boolean; kinds: readonly RecordedKind[] },
): Promise<Map<string, NamedBuild>> {
  // One more than the error message lists, so that the message can say that there are more.
  const query = buildQuery(name, start, kinds);
  const found = await queryBuilds(client, query, (build) => isNamed(build, name, start, kinds), MOST_LISTED + 1);
  if (forgotten || found.size === 0) {
    for (const build of await findInStore(client, name, start, kinds)) {
      if (!found.has(build.uuid)) found.set(build.uuid, build);
    }
  }
  return found;
}

/**
 * Lists the latest builds that Temporal has, newest first.
 *
 * @throws ClientError when Temporal does not answer
 */
export async function listBuilds(client: ImageFactoryClient, most: number): Promise<NamedBuild[]> {
  return [...(await queryBuilds(client, buildQuery('', '', RECORDED_KINDS), () => true, most)).values()];
}

/** Checks whether a text may be the beginning of a UUID. */
function isBeginning(start: string): boolean {
  return /^[0-9a-f][0-9a-f-]{0,35}$/.test(start);
}

/**
 * Lists builds in Temporal by UUID, newest first, until there are `most`. Leaves out a workflow whose id is not that of
 * a build: any user of the namespace can start one, with any text as its id.
 */
async function queryBuilds(
  client: ImageFactoryClient,
  query: string,
  isWanted: (build: FoundBuild) => boolean,
  most: number,
): Promise<Map<string, NamedBuild>> {
  const found = new Map<string, NamedBuild>();
  await callTemporal(() =>
    client.withTimeout(async () => {
      for await (const workflow of client.temporal.workflow.list({ query })) {
        const build = describeWorkflow(workflow);
        const kind = readKind(workflow.workflowId);
        // A build that was resumed has several runs. The newest comes first.
        if (UUID.test(build.uuid) && isWanted({ build, kind }) && !found.has(build.uuid)) found.set(build.uuid, build);
        if (found.size >= most) return;
      }
    }),
  );
  return found;
}

/** Builds a query (https://docs.temporal.io/list-filter). It may find more builds than those that have the name. */
function buildQuery(name: string, start: string, kinds: readonly RecordedKind[]): string {
  // Temporal 1.29 has no spelling of some texts with quotation marks or backslashes. So we query by the text before the
  // first of these characters.
  const [plain = ''] = name.split(/['"\\]/);
  const template = `${SEARCH_ATTRIBUTES.template.name} ${plain === name ? '=' : 'STARTS_WITH'} '${plain}'`;
  const beginning = isBeginning(start)
    ? kinds.map((kind) => ` OR WorkflowId STARTS_WITH '${workflowIdFor(kind, start)}'`).join('')
    : '';
  const condition = plain === '' ? '' : ` AND (${template}${beginning})`;
  const types = kinds.flatMap((kind) =>
    // An import makes a base image, too.
    [getWorkflowType(kind), ...(kind === 'base_image' ? [WORKFLOWS.importBaseImage] : [])].map((type) => `'${type}'`),
  );
  return `WorkflowType IN (${types.join(', ')})${condition}`;
}

/** A build, and the kind of its image. The kind is unset for a workflow that is no build. */
interface FoundBuild {
  build: NamedBuild;
  kind: RecordedKind | undefined;
}

function isNamed({ build, kind }: FoundBuild, name: string, start: string, kinds: readonly RecordedKind[]): boolean {
  if (kind === undefined || !kinds.includes(kind)) return false;
  return build.name === name || (isBeginning(start) && build.uuid.startsWith(start));
}

function describeWorkflow({
  workflowId,
  status,
  startTime,
  typedSearchAttributes: attributes,
}: WorkflowExecutionInfo): NamedBuild {
  return {
    uuid: stripKind(workflowId),
    name: attributes.get(SEARCH_ATTRIBUTES.template) ?? '',
    status: attributes.get(SEARCH_ATTRIBUTES.status) ?? status.name,
    startedAt: startTime.toISOString(),
  };
}

/**
 * Finds the builds that have a record in the store, newest first.
 *
 * @throws NoWorkerError when no worker can read the store
 */
async function findInStore(
  client: ImageFactoryClient,
  name: string,
  start: string,
  kinds: readonly RecordedKind[],
): Promise<NamedBuild[]> {
  const builds = (await findImages(client)).map((record) => ({
    build: describeRecord(record),
    kind: findRecordedKind(record.type),
  }));
  return builds.filter((found) => isNamed(found, name, start, kinds)).map(({ build }) => build);
}

function describeRecord(record: ImageRecord): NamedBuild {
  const { identifier: uuid, name = '', status, created_at: startedAt = '' } = record;
  return { uuid, name, status: status ?? '', startedAt };
}
