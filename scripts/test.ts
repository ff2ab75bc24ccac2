import { setMaxListeners } from 'node:events';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { run, type TestsStream } from 'node:test';
import { spec } from 'node:test/reporters';
import { shareBundles } from '../test/support/bundle.js';
import { findTemporalBinary } from '../src/cli/dev-server/temporal-binary.js';
import { CACHE, cloudEnvironment, makeInstallTree, PROJECT, runProgram, startCloud } from './bed-cloud.js';

/** Minutes that a file may take: one that hangs must not take the time of the others. */
const FILE_MINUTES = 15;

/** A level of tests: its folder, how many files at a time, and the minutes that it may take. */
interface Stage {
  name: string;
  concurrency: number;
  minutes: number;
  /** Runs on the single-node cloud; without it, it is left out. */
  cloud?: boolean;
}

const STAGES: Stage[] = [
  { name: 'unit', concurrency: 2, minutes: 10 },
  { name: 'replay', concurrency: 1, minutes: 5 },
  { name: 'integration', concurrency: 2, minutes: 40 },
  { name: 'matrix', concurrency: 2, minutes: 15 },
  { name: 'contract', concurrency: 1, minutes: 10 },
  { name: 'e2e', concurrency: 1, minutes: 35, cloud: true },
];

interface Count {
  stage: string;
  passed: number;
  failed: number;
  skipped: number;
  seconds: number;
}

/** Lines of a failure's text that are repeated at the end. */
const FAILURE_LINES = 6;
/** What failed, and why: said again at the end, where whoever has only that looks. */
const failures: string[] = [];

function keepFailure(file: string | undefined, name: string, error: Error & { cause?: unknown }): void {
  const { cause } = error;
  const text = cause instanceof Error ? cause.message : String(cause ?? error.message);
  const where = file === undefined ? '' : `${relative(PROJECT, file)}: `;
  const lines = text.split('\n').slice(0, FAILURE_LINES);
  // A file itself fails when its time is over: in which of its tests is all that is known of why.
  if (name === file) lines.push(`it was in: ${running.of(file) ?? 'none of its tests'}`);
  failures.push([`${where}${name}`, ...lines].join('\n   '));
}

/** The tests that have begun and not ended, of every file. */
class RunningTests {
  private readonly begun = new Map<string, string[]>();

  watch(stream: TestsStream): void {
    stream.on('test:dequeue', ({ file = '', name }) => {
      if (name !== file) this.begun.set(file, [...(this.begun.get(file) ?? []), name]);
    });
    stream.on('test:complete', ({ file = '', name }) => {
      const begun = this.begun.get(file) ?? [];
      const at = begun.lastIndexOf(name);
      if (at >= 0) begun.splice(at, 1);
    });
  }

  /** Their names, outermost first. */
  of(file: string): string | undefined {
    return this.begun.get(file)?.join(' > ') || undefined;
  }
}

const running = new RunningTests();

async function filesOf(level: string): Promise<string[]> {
  const folder = join(PROJECT, 'test', level);
  const names = await readdir(folder, { recursive: true });
  return names
    .filter((name) => name.endsWith('.test.ts'))
    .sort()
    .map((name) => join(folder, name));
}

/** Runs a level's files, each in a process of its own, shows them as they go, and counts the tests that hold no others. */
async function runStage(stage: Stage): Promise<Count> {
  const count: Count = { stage: stage.name, passed: 0, failed: 0, skipped: 0, seconds: 0 };
  const began = Date.now();
  const signal: AbortSignal = AbortSignal.timeout(stage.minutes * 60_000);
  // Every file listens to it.
  setMaxListeners(0, signal);
  const timeout = Math.min(stage.minutes, FILE_MINUTES) * 60_000;
  const stream = run({
    files: await filesOf(stage.name),
    concurrency: stage.concurrency,
    timeout,
    signal,
  });
  running.watch(stream);
  stream.on('test:pass', ({ details, skip }) => {
    if (details.type === 'suite') return;
    if (skip !== undefined && skip !== false) count.skipped += 1;
    else count.passed += 1;
  });
  stream.on('test:fail', ({ name, file, details, todo }) => {
    const { failureType } = details.error as { failureType?: string };
    // A suite fails with its tests; by itself only when it cannot be set up or cleared away.
    if (todo !== undefined || (details.type === 'suite' && failureType !== 'hookFailed')) return;
    count.failed += 1;
    keepFailure(file, name, details.error);
  });
  const shown = stream.compose(new spec()) as AsyncIterable<string>;
  for await (const text of shown) process.stdout.write(text);
  if (signal.aborted) {
    say(`${stage.name} did not end within ${stage.minutes} minutes`);
    count.failed += 1;
  }
  count.seconds = (Date.now() - began) / 1000;
  return count;
}

function say(line: string): void {
  process.stdout.write(`== ${line}\n`);
}

async function lint(): Promise<Count> {
  const began = Date.now();
  const lines: string[] = [];
  const code = await runProgram('npm', ['run', '--silent', 'lint'], { onLine: (line) => lines.push(line) });
  if (code !== 0) {
    process.stdout.write(`${lines.join('\n')}\n`);
    keepFailure(undefined, 'lint and formatting', new Error(lines.slice(-FAILURE_LINES).join('\n')));
  }
  say(`lint and formatting: ${code === 0 ? 'clean' : 'not clean'}`);
  return {
    stage: 'lint',
    passed: code === 0 ? 1 : 0,
    failed: code === 0 ? 0 : 1,
    skipped: 0,
    seconds: (Date.now() - began) / 1000,
  };
}

/** What the tests use of this machine besides the npm packages: an SSH server and BusyBox, as guests to reach; what stub disks and install media are made with. */
async function installPrograms(): Promise<void> {
  const missing: string[] = [];
  for (const [program, name] of [
    ['/usr/sbin/sshd', 'openssh-server'],
    ['/usr/bin/busybox', 'busybox'],
    ['/usr/bin/grub-mkimage', 'grub-common'],
    ['/usr/lib/grub/i386-pc/normal.mod', 'grub-pc-bin'],
    ['/usr/lib/grub/x86_64-efi/normal.mod', 'grub-efi-amd64-bin'],
    ['/usr/bin/mformat', 'mtools'],
    ['/usr/bin/xorriso', 'xorriso'],
  ] as const) {
    if ((await runProgram('test', ['-e', program])) !== 0) missing.push(name);
  }
  if (missing.length === 0 || process.platform !== 'linux' || process.getuid?.() !== 0) return;
  say(`installing ${missing.join(', ')}`);
  const log = join(CACHE, 'log', 'apt.log');
  // A server that is only here to be started by tests must not be started by its package.
  const script = `set -e; p=/usr/sbin/policy-rc.d; if [ ! -e $p ]; then printf '#!/bin/sh\\nexit 101\\n' >$p; chmod 755 $p; trap 'rm -f $p' EXIT; fi
    export DEBIAN_FRONTEND=noninteractive; apt-get update -qq -o DPkg::Lock::Timeout=600
    apt-get install -y -qq --no-install-recommends -o DPkg::Lock::Timeout=600 ${missing.join(' ')}`;
  if ((await runProgram('sh', ['-c', script], { log })) !== 0) say(`could not install them: see ${log}`);
}

/** Starts the cloud while the first levels run. Answers why it is left out, or undefined when it is up. */
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

async function runStages(wanted: Stage[]): Promise<Count[]> {
  const counts: Count[] = [];
  const cloud = wanted.some((stage) => stage.cloud === true || stage.name === 'contract') ? prepareCloud() : undefined;
  for (const stage of wanted) {
    const needsCloud = stage.cloud === true || stage.name === 'contract';
    const cannot = needsCloud ? await cloud : undefined;
    if (cannot !== undefined && stage.cloud === true) {
      say(`${stage.name} is left out: ${cannot}`);
      counts.push({ stage: stage.name, passed: 0, failed: 0, skipped: (await filesOf(stage.name)).length, seconds: 0 });
      continue;
    }
    say(stage.name);
    const count = await runStage(stage);
    say(
      `${stage.name}: ${count.passed} passed, ${count.failed} failed, ${count.skipped} skipped in ${Math.round(count.seconds)} s`,
    );
    counts.push(count);
  }
  return counts;
}

const chosen = process.argv.slice(2);
const wanted = STAGES.filter((stage) => chosen.length === 0 || chosen.includes(stage.name));
await mkdir(join(CACHE, 'log'), { recursive: true });
if (chosen.length === 0) await installPrograms();
if (wanted.some((stage) => stage.name !== 'unit')) {
  process.env['TEMPORAL_CLI'] = await findTemporalBinary({ say });
  await shareBundles();
}
const counts = [...(chosen.length === 0 ? [await lint()] : []), ...(await runStages(wanted))];
const total = (key: 'passed' | 'failed' | 'skipped'): number => counts.reduce((sum, count) => sum + count[key], 0);
await writeFile(join(CACHE, 'test-summary.json'), `${JSON.stringify(counts, null, 2)}\n`);
if (total('failed') > 0 || total('passed') === 0) process.exitCode = 1;
for (const failure of failures) say(`failed: ${failure}`);
const skipped = total('skipped') > 0 ? `, ${total('skipped')} skipped` : '';
process.stdout.write(`${total('passed')} passed, ${total('failed')} failed${skipped}\n`);
