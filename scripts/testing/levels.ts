import { readdir, readFile, writeFile } from 'node:fs/promises';
import { basename, join, relative } from 'node:path';
import { CACHE, PROJECT } from '../dev-cloud.js';

/** A level of tests: the test files in one folder of `test/`. */
export interface Level {
  name: string;
  /** Minutes that one file of the level may take. */
  fileMinutes: number;
  /**
   * Whether the files of the level need a Temporal server, and the compiled program with its workflow bundles. Unset
   * means false.
   */
  needsTemporal?: boolean;
  /** True when the files of the level start only after we have checked if there is a cloud. Unset means false. */
  waitsForCloud?: boolean;
  /** Whether we leave out the level when there is no cloud. Unset means false. */
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

/** Checks whether a test file uses the single-node cloud. Only one of these files runs at a time. */
export function isOnCloud(file: string): boolean {
  return /\/e2e\/|\/single-node\./.test(file);
}

/**
 * File with the seconds that each test file took in its last run. The key is the path of the test file in the project.
 */
const SECONDS = join(CACHE, 'test-seconds.json');
/**
 * The test files that take longest, the longest first. Their order counts for test files that have not run here yet.
 */
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
  'secrets',
  'lifecycle',
  'targets',
  'target-image',
];

async function readSeconds(): Promise<Record<string, number>> {
  return JSON.parse(await readFile(SECONDS, 'utf8').catch(() => '{}')) as Record<string, number>;
}

/** Saves how many seconds each test file of this run took. The saved seconds of other files stay. */
export async function keepSeconds(seconds: Record<string, number>): Promise<void> {
  await writeFile(SECONDS, `${JSON.stringify({ ...(await readSeconds()), ...seconds }, null, 1)}\n`);
}

/** A test file. */
export interface TestFile {
  path: string;
  /**
   * Expected duration: the seconds of the last run. Before the first run it is a guess, which only serves to compare
   * files.
   */
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

/** Guesses how long a test file takes. The guess is the same on every machine. It only serves to compare files. */
export function guessSeconds(name: string): number {
  const place = LONGEST.indexOf(basename(name, '.test.ts'));
  return place < 0 ? 0 : LONGEST.length - place;
}
