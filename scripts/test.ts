import { setMaxListeners } from 'node:events';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { parseArgs } from 'node:util';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { useBuiltBundles } from '../test/support/bundle.js';
import { CPU_FOLDER } from '../test/support/file-process.js';
import { shareTemporal } from '../test/support/temporal.js';
import { findTemporalBinary } from '../src/cli/dev-server/temporal-binary.js';
import { CACHE, cloudEnvironment, makeInstallTree, PROJECT, runProgram, startCloud } from './dev-cloud.js';
import { filesOf, isOnCloud, keepSeconds, LEVELS, type Level } from './testing/levels.js';
import { runOnLowestNode } from './testing/lowest-node.js';
import { Pool } from './testing/pool.js';
import { installPrograms } from './testing/programs.js';
import { countsText, failureText, runFile } from './testing/run-file.js';
import { parseShard, takeShard, type Shard } from './testing/shard.js';
import { countsOf, writeSummary, type FileResult } from './testing/summary.js';

/*
 * Runs the test levels and the checks that its arguments name, for example `npm test -- unit lint`. Without names it
 * runs all of them, as continuous integration does. The checks are `lint`, `types` and `lowest-node` (the unit tests on
 * the lowest Node version that the package supports). `--shard=1/2` runs the first of two shares of each level's files.
 * With shards, continuous integration divides a level among several machines.
 */

/**
 * Minutes that the whole run may take. Continuous integration kills a run after 90 minutes, and then there would be no
 * summary. A file that hangs is ended by its own limit, long before.
 */
const RUN_MINUTES = 80;
/**
 * Number of jobs at the same time, not counting the one job that uses the cloud. It is the number of cores: the job on
 * the cloud uses most of a core, so with more jobs each test file would get less CPU time than its waits allow for.
 */
const AT_ONCE = availableParallelism();

/** Scripts of package.json that run before the tests or at the same time. Each counts as one test. */
const COMMANDS = {
  /** Builds the program and the workflow bundles that all tests share. */
  build: 'build',
  types: 'typecheck',
  lint: 'lint',
};

function say(line: string): void {
  process.stdout.write(`== ${line}\n`);
}

/**
 * Starts the single-node cloud and creates its install tree, unless the environment names a cloud.
 *
 * @returns the reason to leave out the tests on the cloud; undefined when the cloud runs
 */
async function prepareCloud(): Promise<string | undefined> {
  if (process.env['OS_CLOUD'] !== undefined || process.env['OS_AUTH_URL'] !== undefined) return undefined;
  const log = join(CACHE, 'log', 'cloud.log');
  try {
    const cannot = await startCloud({ log, onLine: (line) => process.stdout.write(`   cloud: ${line}\n`) });
    if (cannot !== undefined) return cannot;
    await makeInstallTree({ log });
  } catch (error) {
    say(`${(error as Error).message}; see ${log}`);
    process.exitCode = 1;
    return (error as Error).message;
  }
  Object.assign(process.env, cloudEnvironment());
  return undefined;
}

/** Runs a script of package.json, and prints its output when it fails. */
async function runCommand(name: keyof typeof COMMANDS): Promise<FileResult> {
  const began = Date.now();
  const lines: string[] = [];
  const args = ['run', '--silent', COMMANDS[name]];
  const isGood = (await runProgram('npm', args, { onLine: (line) => lines.push(line) })) === 0;
  const seconds = (Date.now() - began) / 1000;
  if (!isGood) process.stdout.write(`${lines.join('\n')}\n`);
  say(`${name}: ${isGood ? 'passed' : 'failed'} in ${Math.round(seconds)} s`);
  const failures = isGood ? [] : [failureText(name, new Error(lines.join('\n')))];
  const counts = { passed: isGood ? 1 : 0, failed: isGood ? 0 : 1, skipped: 0 };
  return { stage: name, file: name, began, ...counts, seconds, failures };
}

/** Runs the chosen checks and levels. Each starts as soon as the programs and servers that it needs are ready. */
class TestRun {
  readonly results: FileResult[] = [];
  private readonly machine = new Pool(AT_ONCE);
  private readonly cloud = new Pool(1);
  private readonly stop = new AbortController();
  /** Aborted when this process gets SIGINT or SIGTERM, and after RUN_MINUTES. Then the running test files stop. */
  private readonly signal: AbortSignal = AbortSignal.any([this.stop.signal, AbortSignal.timeout(RUN_MINUTES * 60_000)]);
  private temporal: TestWorkflowEnvironment | undefined;

  /**
   * @param lowestNode the level that also runs on the lowest Node version. Undefined: no level
   * @param shard the share of each level's files that runs
   * @param installs whether missing programs are installed
   */
  constructor(
    private readonly checks: (keyof typeof COMMANDS)[],
    private readonly levels: Level[],
    private readonly lowestNode: Level | undefined,
    private readonly shard: Shard,
    private readonly installs: boolean,
  ) {
    // Every running test file adds a listener to this signal. Without this line, Node warns about too many listeners.
    setMaxListeners(0, this.signal);
    // The processes of the test files must not outlive this process, so they stop when it gets a signal.
    for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => this.stop.abort());
  }

  async run(): Promise<void> {
    const needs = (what: keyof Level): boolean => this.levels.some((level) => level[what] === true);
    const programs = this.installs ? installPrograms(say) : Promise.resolve();
    const cloud = needs('waitsForCloud') ? programs.then(prepareCloud) : undefined;
    const temporal = needs('needsTemporal') ? this.prepareTemporal() : undefined;
    const checks = this.checks.map((name) => this.command(name));
    const levels = this.levels.map(async (level) => {
      await programs;
      const noTemporal = level.needsTemporal === true ? await temporal : undefined;
      const noCloud = level.waitsForCloud === true ? await cloud : undefined;
      const cannot = noTemporal ?? (level.needsCloud === true ? noCloud : undefined);
      await (cannot === undefined ? this.runLevel(level) : this.leaveOut(level, cannot));
    });
    try {
      await Promise.all([...checks, ...levels, programs.then(() => this.runOnLowestNode())]);
    } finally {
      await this.temporal?.teardown();
    }
  }

  /** Runs a command before all test files that still wait for a place in the pool. */
  private command(name: keyof typeof COMMANDS): Promise<FileResult> {
    return this.machine.run(Infinity, async () => {
      const result = await runCommand(name);
      this.results.push(result);
      return result;
    });
  }

  /**
   * Builds the program with its workflow bundles, and starts the Temporal server that the test files share.
   *
   * @returns the reason to leave out the tests that need Temporal; undefined when the server runs
   */
  private async prepareTemporal(): Promise<string | undefined> {
    const program = findTemporalBinary({ env: { IMAGEFACTORY_CACHE: CACHE, ...process.env }, say });
    const [{ failed }, path] = await Promise.all([this.command('build'), program.catch(String)]);
    if (failed > 0) return 'the build has failed';
    process.env['TEMPORAL_CLI'] = path;
    useBuiltBundles();
    try {
      this.temporal = await shareTemporal();
    } catch (error) {
      say(`the Temporal server did not start: ${String(error)}`);
      process.exitCode = 1;
      return 'the Temporal server did not start';
    }
    return undefined;
  }

  /**
   * Runs the tests on the lowest Node version. They start before the files that wait in the pool, because they are one
   * long job.
   */
  private async runOnLowestNode(): Promise<void> {
    const level = this.lowestNode;
    if (level === undefined) return;
    await this.machine.run(Infinity, async () => {
      const began = Date.now();
      const result = await runOnLowestNode(level);
      say(`${level.name} on the lowest Node: ${countsText(result)} in ${Math.round(result.seconds)} s`);
      this.results.push({ stage: 'lowest-node', file: 'lowest-node', began, ...result });
    });
  }

  private async leaveOut(level: Level, why: string): Promise<void> {
    say(`${level.name} is left out: ${why}`);
    const left = { stage: level.name, began: Date.now(), passed: 0, failed: 0, skipped: 1, seconds: 0, failures: [] };
    for (const { path } of await filesOf(level)) this.results.push({ ...left, file: relative(PROJECT, path) });
  }

  private async runLevel(level: Level): Promise<void> {
    const runs = takeShard(await filesOf(level), this.shard).map(({ path, seconds }) =>
      (isOnCloud(path) ? this.cloud : this.machine).run(seconds, async () => {
        const began = Date.now();
        const result = await runFile(path, level.fileMinutes, this.signal);
        this.results.push({ stage: level.name, file: relative(PROJECT, path), began, ...result });
      }),
    );
    await Promise.all(runs);
  }
}

const { values: options, positionals: chosen } = parseArgs({
  options: { shard: { type: 'string', default: '1/1' } },
  allowPositionals: true,
});
const isChosen = (name: string): boolean => chosen.length === 0 || chosen.includes(name);
const cpuFolder = await mkdtemp(join(tmpdir(), 'imagefactory-cpu-'));
process.env[CPU_FOLDER] = cpuFolder;
// Hundreds of processes load the same modules. With the cache, V8 compiles each module once for all of them.
process.env['NODE_COMPILE_CACHE'] ??= join(CACHE, 'node-compile');
await mkdir(join(CACHE, 'log'), { recursive: true });
const testRun = new TestRun(
  (['types', 'lint'] as const).filter(isChosen),
  LEVELS.filter(({ name }) => isChosen(name)),
  isChosen('lowest-node') ? LEVELS.find(({ name }) => name === 'unit') : undefined,
  parseShard(options.shard),
  // Missing programs are installed in a run of everything, and in continuous integration, whose fresh machines run
  // nothing else.
  chosen.length === 0 || process.env['CI'] !== undefined,
);
await testRun.run();
await rm(cpuFolder, { recursive: true });

const { results } = testRun;
const counts = countsOf(results);
await writeSummary(results);
await keepSeconds(
  Object.fromEntries(results.filter(({ failed }) => failed === 0).map(({ file, seconds }) => [file, seconds])),
);
if (counts.failed > 0 || counts.passed === 0) process.exitCode = 1;
for (const failure of results.flatMap(({ failures }) => failures)) say(`failed: ${failure}`);
// A process that a killed test file has left behind may still have our pipes open. Without `exit`, this process would
// wait for it.
process.stdout.write(`${countsText(counts)}\n`, () => process.exit());
