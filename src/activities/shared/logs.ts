import { createHash } from 'node:crypto';
import { StringDecoder } from 'node:string_decoder';
import { setImmediate } from 'node:timers/promises';
import { log } from '@temporalio/activity';
import { LOG_LIMIT, LOG_PAGE, type BuildLog } from '../../domain/build-log.js';
import { CUT, cutStart } from '../../domain/cut.js';
import { DROPPED_OUTPUT } from '../../guest/posix-journal.js';
import type { ReadLogsInput } from '../../domain/messages.js';
import type { Masker } from '../../planning/masker.js';
import type { Store } from '../../store/types.js';
import { cancellationSignal, currentMasker, type Deps } from './context.js';

/** The beginning of the names of the documents with logs. */
const PREFIX = 'log:';

/**
 * The end of the names of the documents with the facts about a log, as JSON. The text of the log is a document of its
 * own, so that the list of the logs does not read the texts.
 */
const FACTS = '.json';

/** Bytes of a console that Nova returns at most: its end (MAX_CONSOLE_BYTES in nova/virt/libvirt/driver.py). */
const CONSOLE_LIMIT = 100 * 1024;

type LogPage = NonNullable<ReadLogsInput['page']>;

/** Builds a readable name of a document. Different logs get different names. */
function nameDocument(name: string): string {
  const digest = createHash('sha256').update(name).digest('hex').slice(0, 12);
  return `${PREFIX}${name.replace(/[^A-Za-z0-9._-]+/g, '_').slice(0, 60)}-${digest}`;
}

/** Ends when the last text so far is masked. A worker masks one long text at a time, because this needs memory. */
let masked: Promise<unknown> = Promise.resolve();

/**
 * Masks a long text that may begin and end within a secret. Lets the worker do other work, such as heartbeats, in
 * between.
 */
function maskLongText(text: string): Promise<string> {
  const masker = currentMasker();
  const result = masked.then(() => maskWithPauses(masker, text));
  masked = result.catch(() => undefined);
  return result;
}

async function maskWithPauses(masker: Masker, text: string): Promise<string> {
  if (text === '') return '';
  // The marks of a cut tell the masker that a part of a secret may be at the beginning and at the end.
  const steps = masker.maskInSteps(`${CUT}${text}${CUT}`);
  for (;;) {
    const step = steps.next();
    if (step.done !== true) {
      await setImmediate();
      continue;
    }
    const from = step.value.startsWith(CUT) ? CUT.length : 0;
    return step.value.slice(from, step.value.endsWith(CUT) ? -CUT.length : undefined);
  }
}

/** Masks a console as Nova returns it. Marks its beginning as cut when Nova may have dropped earlier text. */
export async function maskConsole(console: string): Promise<string> {
  return `${isConsoleCut(console) ? CUT : ''}${await maskLongText(console)}`;
}

/**
 * Whether a console may have reached {@link CONSOLE_LIMIT}. Nova may replace a character that is not ASCII, of up to
 * four bytes, by a question mark.
 */
function isConsoleCut(console: string): boolean {
  const replaced = console.match(/[?\u0080-\uffff]/g)?.length ?? 0;
  return console.length + 3 * replaced >= CONSOLE_LIMIT;
}

/**
 * Marks the places where the guest dropped a part of the output: the text on both sides may be a part of a secret. A
 * text whose beginning is missing may begin within the guest's line about this.
 */
function markDroppedOutput(text: string, beginsWithin: boolean): string {
  const line = `${DROPPED_OUTPUT}\n`;
  const marked = text.replaceAll(line, `${CUT}${line}${CUT}`);
  for (let from = 1; beginsWithin && from < line.length; from++) {
    const rest = line.slice(from);
    if (text.startsWith(rest)) return `${rest}${CUT}${marked.slice(rest.length)}`;
  }
  return marked;
}

/**
 * Writes a log of a build to the store, without secrets. Keeps the end of a text that is too long. A log that cannot be
 * written does not fail the build: the worker's log has a warning instead.
 */
export async function writeLog(
  deps: Pick<Deps, 'store'>,
  uuid: string,
  { name, kind, cut }: Pick<BuildLog, 'name' | 'kind' | 'cut'>,
  text: string,
): Promise<void> {
  const kept = await maskLongText(markDroppedOutput(cutStart(text, LOG_LIMIT), cut));
  const isCut = cut || text.length > LOG_LIMIT || text.includes(DROPPED_OUTPUT);
  const content = Buffer.from(isCut && !kept.startsWith(CUT) ? CUT + kept : kept);
  const facts: BuildLog = { name, kind, at: Date.now(), size: content.length, cut: isCut };
  const document = nameDocument(name);
  try {
    await deps.store.writeDocument(uuid, document, content);
    await deps.store.writeDocument(uuid, document + FACTS, JSON.stringify(facts));
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
  if (console === '') return;
  await writeLog(deps, ref.uuid, { name: 'customise', kind: 'console', cut: isConsoleCut(console) }, console);
}

/** Copies the console of an installation to the logs of a build, because the build shares its JEOS with others. */
export async function keepInstallerConsole(deps: Deps, uuid: string, documentsId: string): Promise<void> {
  const console = await deps.store.readDocument(documentsId, 'installer.console').catch(() => undefined);
  if (console === undefined) return;
  const text = console.toString('utf8');
  await writeLog(deps, uuid, { name: 'installer', kind: 'console', cut: text.startsWith(CUT) }, text);
}

/** Copies the logs of a preparation to those of a target image, because the target image shares it with others. */
export async function copyLogs({ store }: Pick<Deps, 'store'>, from: string, to: string): Promise<void> {
  for (const name of await store.listDocuments(from)) {
    const content = name.startsWith(PREFIX) ? await store.readDocument(from, name) : undefined;
    if (content !== undefined) await store.writeDocument(to, name, content);
  }
}

/** Lists the logs of a build, the oldest first. Reads none of their texts. */
export async function listLogs(store: Store, uuid: string): Promise<BuildLog[]> {
  const logs: BuildLog[] = [];
  for (const name of await store.listDocuments(uuid)) {
    if (!name.startsWith(PREFIX) || !name.endsWith(FACTS)) continue;
    const facts = await store.readDocument(uuid, name);
    if (facts !== undefined) logs.push(JSON.parse(facts.toString('utf8')) as BuildLog);
  }
  return logs.sort((one, other) => one.at - other.at || one.name.localeCompare(other.name));
}

/** Reads a page of a log, from an offset in bytes on. Empty at the end of the log, and when there is no such log. */
export async function readLogPage(store: Store, uuid: string, { name, offset }: LogPage): Promise<string> {
  const bytes = await store.readDocument(uuid, nameDocument(name), { offset, length: LOG_PAGE });
  // The decoder leaves out a character that the end of the page cuts. The next page begins with this character.
  return bytes === undefined ? '' : new StringDecoder('utf8').write(bytes);
}
