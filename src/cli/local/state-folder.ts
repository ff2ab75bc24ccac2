import { existsSync, linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { generateKeyLine } from '../../codec/keys.js';
import { findMarkedProcess, formatProcessMark } from '../dev-server/process-mark.js';
import { CommandError } from '../errors.js';

/** The folder in which builds without a worker of their own are kept, and its parts. */
export interface StateFolder {
  path: string;
  /** Folder of Temporal's server: its database, its log and its pid file. */
  temporal: string;
  /** Folder of the store: records, documents and bodies. */
  storage: string;
  /** Folder for the files that the worker downloads. */
  media: string;
  /** Log of the worker. */
  workerLog: string;
  /** Temporal's configuration file, with the address of the server. */
  temporalConfig: string;
  /** File of the keys that encrypt everything sent to the server. */
  payloadKeys: string;
}

/**
 * Creates the state folder, if it does not exist, and returns its parts. Only its owner can read it, because it
 * contains the passwords of templates. The folder is IMAGEFACTORY_STATE, else `imagefactory` in
 * XDG_STATE_HOME, else `~/.local/state/imagefactory` (https://specifications.freedesktop.org/basedir-spec/latest/).
 *
 * @throws CommandError when the folder cannot be created
 */
export function openStateFolder(env: NodeJS.ProcessEnv): StateFolder {
  const base = env['XDG_STATE_HOME'] || join(homedir(), '.local', 'state');
  const path = resolve(env['IMAGEFACTORY_STATE'] || join(base, 'imagefactory'));
  const part = (name: string): string => join(path, name);
  try {
    for (const folder of [path, part('temporal'), part('storage'), part('media')])
      mkdirSync(folder, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new CommandError(`the state folder ${path} cannot be created: ${(error as Error).message}`, {
      hint: 'set IMAGEFACTORY_STATE to a folder that you can write',
      cause: error,
    });
  }
  return {
    path,
    temporal: part('temporal'),
    storage: part('storage'),
    media: part('media'),
    workerLog: part('worker.log'),
    temporalConfig: part('temporal.toml'),
    payloadKeys: part('payload.keys'),
  };
}

/**
 * Makes the payload keys, if there are none. Temporal's development server knows no users, so every user of the machine
 * can read its histories; with the keys, nobody else can decrypt them. Builds that an earlier version has begun without
 * keys go on: what is not encrypted is read as it is. Call it only with the lock of the folder.
 */
export function makePayloadKeys({ payloadKeys: file }: StateFolder): void {
  if (existsSync(file)) return;
  // A process that is killed meanwhile leaves no file without a key.
  const own = `${file}.${process.pid}`;
  writeFileSync(own, `${generateKeyLine()}\n`, { mode: 0o600 });
  renameSync(own, file);
}

/** A process that holds the lock when another one wants it. */
export class FolderInUseError extends Error {
  constructor(readonly pid: number) {
    super(`process ${pid} uses the folder`);
  }
}

/**
 * Locks the state folder for this process, because only one server can use the database. The lock of a process that has
 * ended, also by SIGKILL, does not count: the lock is a file with the pid and the start time of its process.
 *
 * @returns a function that unlocks the folder
 * @throws FolderInUseError when another process has locked the folder
 */
export function lockStateFolder({ path }: StateFolder): () => void {
  const lock = join(path, 'lock');
  const own = join(path, `lock.${process.pid}`);
  writeFileSync(own, formatProcessMark(process.pid));
  try {
    while (!tryLink(own, lock)) {
      const mark = readMark(lock);
      const pid = findMarkedProcess(mark);
      if (pid !== undefined) throw new FolderInUseError(pid);
      removeOldLock(lock, mark);
    }
  } finally {
    rmSync(own, { force: true });
  }
  return () => rmSync(lock, { force: true });
}

/** Gives a file a second name. Returns false when the name is taken: only one of several processes gets it. */
function tryLink(file: string, name: string): boolean {
  try {
    linkSync(file, name);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** Removes the lock with this mark. A lock that another process has just made in its place gets its name back. */
function removeOldLock(lock: string, mark: string): void {
  const old = `${lock}.old.${process.pid}`;
  try {
    renameSync(lock, old);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  if (readMark(old) !== mark) tryLink(old, lock);
  rmSync(old, { force: true });
}

function readMark(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw error;
  }
}
