import { readdir, readFile, writeFile } from 'node:fs/promises';
import { basename, join, relative } from 'node:path';
import { CACHE, PROJECT } from '../dev-cloud.js';

/** A level of tests: the files of a folder of `test/`. */
export interface Level {
  name: string;
  /** Minutes that one of its files may take. */
  fileMinutes: number;
  /** What must be there before its files can run: the compiled program with its workflow bundles, and Temporal. */
  needsTemporal?: boolean;
  /** Its files wait until the cloud is up, or cannot be had. */
  waitsForCloud?: boolean;
  /** Without the cloud, it is left out. */
  needsCloud?: boolean;
}

export const LEVELS: Level[] = [
  { name: 'unit', fileMinutes: 10 },
  { name: 'replay', fileMinutes: 5, needsTemporal: true },
  { name: 'integration', fileMinutes: 15, needsTemporal: true },
  { name: 'matrix', fileMinutes: 15, needsTemporal: true },
  { name: 'contract', fileMinutes: 10, needsTemporal: true, waitsForCloud: true },
  { name: 'e2e', fileMinutes: 15, needsTemporal: true, waitsForCloud: true, needsCloud: true },
];

/** Whether a file works on the single-node cloud: one at a time does. */
export function isOnCloud(file: string): boolean {
  return /\/e2e\/|\/single-node\./.test(file);
}

/** Seconds that each file of tests took when it ran last, by its path in the project. */
const SECONDS = join(CACHE, 'test-seconds.json');
/** The files that take longest, first those of minutes: the order where none has run yet. */
const LONGEST = [
  'crowd',
  'families',
  'crashes',
  'calls',
  'faults',
  'lost-replies',
  'states',
  'cancel',
  'sweep',
  'versioning',
  'disk-full',
  'random-faults',
  'restarts',
  'resume',
  'journal',
  'media',
];

async function readSeconds(): Promise<Record<string, number>> {
  return JSON.parse(await readFile(SECONDS, 'utf8').catch(() => '{}')) as Record<string, number>;
}

/** Keeps what the files took that have run now; of the others, what they took before. */
export async function keepSeconds(seconds: Record<string, number>): Promise<void> {
  await writeFile(SECONDS, `${JSON.stringify({ ...(await readSeconds()), ...seconds }, null, 1)}\n`);
}

/** A file of tests. */
export interface TestFile {
  path: string;
  /** How long it is expected to take: as long as the last time; else a guess that serves to compare files. */
  seconds: number;
}

export async function filesOf(level: Level): Promise<TestFile[]> {
  const folder = join(PROJECT, 'test', level.name);
  const known = await readSeconds();
  const names = (await readdir(folder, { recursive: true })).filter((name) => name.endsWith('.test.ts'));
  return names.sort().map((name) => {
    const path = join(folder, name);
    return { path, seconds: known[relative(PROJECT, path)] ?? guessSeconds(name) };
  });
}

/** A guess that is the same on every machine, and serves to compare files. */
export function guessSeconds(name: string): number {
  const place = LONGEST.indexOf(basename(name, '.test.ts'));
  return place < 0 ? 0 : LONGEST.length - place;
}
