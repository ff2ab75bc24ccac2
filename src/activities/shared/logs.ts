import { createHash } from 'node:crypto';
import { log } from '@temporalio/activity';
import { LOG_LIMIT, type BuildLog } from '../../domain/build-log.js';
import { CUT, cutStart } from '../../domain/cut.js';
import type { Store } from '../../store/types.js';
import { cancellationSignal, currentMasker, type Deps } from './context.js';

/** The beginning of the names of the documents with logs. */
const PREFIX = 'log:';

/** The document's first line is the log as JSON, without its length. The text of the log follows. */
type Header = Omit<BuildLog, 'length'>;

/** Builds a readable name of a document. Different logs get different names. */
function nameDocument(name: string): string {
  const digest = createHash('sha256').update(name).digest('hex').slice(0, 12);
  return `${PREFIX}${name.replace(/[^A-Za-z0-9._-]+/g, '_').slice(0, 60)}-${digest}`;
}

/**
 * Writes a log of a build to the store, without secrets. Keeps the end of a text that is too long. A log that cannot be
 * written does not fail the build: the worker's log has a warning instead.
 */
export async function writeLog(
  deps: Pick<Deps, 'store'>,
  uuid: string,
  { name, kind }: Pick<BuildLog, 'name' | 'kind'>,
  text: string,
): Promise<void> {
  // The mark of a cut tells the masker that the text may begin within a secret.
  const kept = currentMasker().mask(cutStart(text, LOG_LIMIT));
  const header: Header = { name, kind, at: Date.now(), cut: text.length > LOG_LIMIT || text.startsWith(CUT) };
  try {
    await deps.store.writeDocument(uuid, nameDocument(name), `${JSON.stringify(header)}\n${kept}`);
  } catch (error) {
    log.warn('a log of the build could not be kept', { log: name, error: String(error) });
  }
}

/** Reads the whole console of the instance of a build, and keeps it. Does nothing when the cloud has no console. */
export async function keepConsole(deps: Deps, ref: { uuid: string; cloud: string }, serverId: string): Promise<void> {
  const console = await deps.clouds
    .get(ref.cloud)
    .compute.getConsoleOutput(serverId, undefined, { signal: cancellationSignal() })
    .catch(() => '');
  if (console !== '') await writeLog(deps, ref.uuid, { name: 'customise', kind: 'console' }, console);
}

/** Copies the console of an installation to the logs of a build, because the build shares its JEOS with others. */
export async function keepInstallerConsole(deps: Deps, uuid: string, documentsId: string): Promise<void> {
  const console = await deps.store.readDocument(documentsId, 'installer.console').catch(() => undefined);
  if (console === undefined) return;
  await writeLog(deps, uuid, { name: 'installer', kind: 'console' }, console.toString('utf8'));
}

/** Lists the logs of a build, the oldest first. */
export async function listLogs(store: Store, uuid: string): Promise<BuildLog[]> {
  const names = (await store.listDocuments(uuid)).filter((name) => name.startsWith(PREFIX));
  const logs = await Promise.all(names.map((name) => parseLog(store, uuid, name)));
  return logs
    .flatMap((found) => (found === undefined ? [] : [found.log]))
    .sort((one, other) => one.at - other.at || one.name.localeCompare(other.name));
}

/** Reads the text of a log. Returns undefined when the store has no such log. */
export async function readLogText(store: Store, uuid: string, name: string): Promise<string | undefined> {
  return (await parseLog(store, uuid, nameDocument(name)))?.text;
}

async function parseLog(
  store: Store,
  uuid: string,
  document: string,
): Promise<{ log: BuildLog; text: string } | undefined> {
  const content = (await store.readDocument(uuid, document))?.toString('utf8');
  if (content === undefined) return undefined;
  const end = content.indexOf('\n');
  const text = content.slice(end + 1);
  return { log: { ...(JSON.parse(content.slice(0, end)) as Header), length: text.length }, text };
}
