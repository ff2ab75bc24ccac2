import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Choice } from './table.js';

/*
 * The latest builds, for completion: a file in the user's cache folder. To load Temporal's SDK takes longer than a
 * completion may take. So a process in the background reads the builds from Temporal, for the next completion. Nothing
 * here fails: without the file, there is nothing to offer.
 */

/** The word after `imagefactory` with which the process in the background is started. */
export const REFRESH_WORD = '--refresh-completions';

/** How many builds the file has, the latest first. */
export const MOST_BUILDS = 50;

/** Milliseconds for which the file counts as new. */
const FRESH = 10_000;

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
/** Matches spaces, and every character that a shell may take for more than text. */
const NOT_PLAIN = /[^\p{L}\p{N}.,:_+@/-]+/gu;

/** The variables that decide which Temporal server and namespace a command uses. */
const TEMPORAL_VARIABLES = ['TEMPORAL_ADDRESS', 'TEMPORAL_NAMESPACE', 'TEMPORAL_PROFILE', 'TEMPORAL_CONFIG_FILE'];

/** Returns the path of the file, by the XDG Base Directory Specification. Returns undefined when there is no home. */
function findCacheFile(env: NodeJS.ProcessEnv): string | undefined {
  const { XDG_CACHE_HOME: cache, HOME: home } = env;
  const folder = cache || (home ? join(home, '.cache') : undefined);
  if (folder === undefined) return undefined;
  const server = JSON.stringify(TEMPORAL_VARIABLES.map((name) => env[name] ?? ''));
  const digest = createHash('sha256').update(server).digest('hex').slice(0, 16);
  return join(folder, 'imagefactory', `builds-${digest}.json`);
}

/**
 * Reads the latest builds.
 *
 * @param refresh starts the refresh of the file in the background. It is called when the file is old or missing
 */
export function readBuilds(env: NodeJS.ProcessEnv, refresh: () => void): Choice[] {
  const file = findCacheFile(env);
  if (file === undefined) return [];
  const builds = readFile(file);
  if (isOld(file)) {
    // The file counts as new from now on, so that only one process is started, also while Temporal does not answer.
    writeFile(file, builds);
    refresh();
  }
  return builds;
}

/** Starts a process that reads the latest builds from Temporal, with the program and the variables of this process. */
export function startRefresh(): void {
  const [program = '', script = ''] = process.argv;
  const child = spawn(program, [...process.execArgv, script, REFRESH_WORD], { detached: true, stdio: 'ignore' });
  child.on('error', () => undefined).unref();
}

/** Replaces the builds in the file. */
export function writeBuilds(env: NodeJS.ProcessEnv, builds: Choice[]): void {
  const file = findCacheFile(env);
  if (file !== undefined) writeFile(file, builds);
}

/** Adds a build that has just started, so that the next completion offers it at once. */
export function rememberBuild(env: NodeJS.ProcessEnv, build: Choice): void {
  const file = findCacheFile(env);
  if (file === undefined) return;
  const wasOld = isOld(file);
  writeFile(file, [build, ...readFile(file)].slice(0, MOST_BUILDS));
  // The other builds in the file are as old as before.
  if (wasOld) setOld(file);
}

/**
 * Reads the builds in the file. Other users of Temporal can choose the names of templates and the ids of workflows, so
 * only UUIDs and plain characters reach the shell.
 */
function readFile(file: string): Choice[] {
  try {
    const builds = JSON.parse(readFileSync(file, 'utf8')) as unknown;
    return Array.isArray(builds) ? builds.flatMap(toChoices) : [];
  } catch {
    return [];
  }
}

/** Makes a candidate of an entry of the file. Makes none of an entry that is not a build. */
function toChoices(entry: unknown): Choice[] {
  const { value, description = '' } = (entry ?? {}) as Partial<Record<keyof Choice, unknown>>;
  if (typeof value !== 'string' || !UUID.test(value)) return [];
  return [{ value, description: String(description).replace(NOT_PLAIN, ' ').trim() }];
}

function writeFile(file: string, builds: Choice[]): void {
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    const temporary = `${file}.${process.pid}`;
    writeFileSync(temporary, JSON.stringify(builds), { mode: 0o600 });
    renameSync(temporary, file);
  } catch {
    // The folder may be read-only. Then there is nothing to offer.
  }
}

function isOld(file: string): boolean {
  try {
    return Date.now() - statSync(file).mtimeMs > FRESH;
  } catch {
    return true;
  }
}

function setOld(file: string): void {
  try {
    utimesSync(file, 0, 0);
  } catch {
    // See writeFile.
  }
}
