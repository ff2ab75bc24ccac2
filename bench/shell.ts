import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { randomUUID } from 'node:crypto';
import { parseParameters } from '../src/domain/parameters.js';
import { planBuild } from '../src/planning/plan.js';
import { throwIfInvalid } from '../src/tdl/parse.js';
import { connectClouds } from '../src/openstack/index.js';
import { startTemporal } from '../test/support/temporal.js';
import { startMirror } from './mirror.js';
import { printReport, formatSeconds } from './report.js';
import { BenchWorker, PROGRAM } from './worker.js';

const EXAMPLES = fileURLToPath(new URL('../examples', import.meta.url));
const TEMPLATE = join(EXAMPLES, 'debian-12.tdl');
const PRESEED = join(EXAMPLES, 'debian-12.preseed');
const BY_HAND = fileURLToPath(new URL('build.sh', import.meta.url));
const FLAVOR = process.env['IMAGEFACTORY_E2E_FLAVOR'] ?? '2';

/** The result of a program that has ended. */
interface Run {
  output: string;
  /** Milliseconds from the start of the program to its end. */
  took: number;
}

/** The fields that the benchmark reads from the final document of `imagefactory --output json base_image`. */
interface Built {
  identifier: string;
  jeos: { glance_id: string; reused: boolean } | null;
}

/**
 * (c) Measures three builds of one template on a real cloud: imagefactory with an installer run, a shell script of
 * `openstack` commands, and imagefactory with the reused JEOS. The first build is one of imagefactory, so only its time
 * suffers from cold caches.
 */
export async function measureShell(): Promise<void> {
  if (process.env['OS_CLOUD'] === undefined && process.env['OS_AUTH_URL'] === undefined) {
    process.stderr.write('benchmark shell is skipped: it needs a real cloud; set OS_CLOUD or OS_AUTH_URL\n');
    return;
  }
  const work = await mkdtemp(join(tmpdir(), 'imagefactory-bench-'));
  const stopMirror = await startMirror();
  const temporal = await startTemporal();
  const env = { ...process.env, TEMPORAL_ADDRESS: temporal.address, NO_COLOR: '1' };
  const scripts = await buildScriptEnv(work);
  const taskQueue = `bench-${randomUUID()}`;
  let worker: BenchWorker | undefined;
  try {
    worker = await BenchWorker.start(work, taskQueue, env);
    const imagefactory = (...args: string[]): Promise<Run> =>
      run(process.execPath, [PROGRAM, '--task-queue', taskQueue, '--output', 'json', ...args], env);
    const name = `imagefactory-bench-${randomUUID()}`;
    await run(BY_HAND, ['media'], scripts);

    const ours = await imagefactory('base_image', ...articleOptions(), '--parameter', 'reuse_jeos', 'False', TEMPLATE);
    const theirs = await run(BY_HAND, ['build', name], scripts);
    const again = await imagefactory('base_image', ...articleOptions(), TEMPLATE);

    const whole = JSON.parse(ours.output) as Built;
    const reused = JSON.parse(again.output) as Built;
    if (whole.jeos?.reused !== false || reused.jeos?.reused !== true)
      throw new Error('the first build must install a JEOS, and the last build must reuse it: one of them did not');
    const measured =
      'examples/debian-12.tdl on a real cloud, once each, one after the other: by us, by bench/build.sh with a query every two ' +
      'seconds, by us again with the reused JEOS. From the start of the command to its end.';
    printReport('(c) The same as a shell script of openstack commands', measured, [
      { name: 'the shell script', value: formatSeconds(theirs.took) },
      { name: 'ours, with an installer’s run', value: formatSeconds(ours.took) },
      { name: 'ours, with a reused JEOS', value: formatSeconds(again.took) },
      { name: 'ratio with an installer’s run', value: (ours.took / theirs.took).toFixed(2), aim: '≤ 1.0' },
      { name: 'ratio with a reused JEOS', value: (again.took / theirs.took).toFixed(2), aim: '≤ 0.6' },
    ]);
    await run(BY_HAND, ['remove', name], scripts);
    for (const { identifier } of [whole, reused]) await imagefactory('delete', identifier);
    await removeImage(whole.jeos.glance_id);
  } finally {
    await worker?.stop();
    await temporal.teardown();
    await stopMirror();
    await rm(work, { recursive: true, force: true });
  }
}

/**
 * Builds the environment of bench/build.sh. The installer and its kernel command line are those of our build. The
 * script keeps its files in the folder `work`.
 */
async function buildScriptEnv(work: string): Promise<NodeJS.ProcessEnv> {
  const template = throwIfInvalid(await readFile(TEMPLATE), TEMPLATE);
  const installScript = await readFile(PRESEED, 'utf8');
  const { installer } = planBuild({ template, installScript, parameters: parseParameters({}) });
  return {
    ...process.env,
    WORK: work,
    KERNEL: installer.kernel.urls[0],
    RAMDISK: installer.ramdisk.urls[0],
    COMMAND_LINE: installer.commandLine,
    SCRIPT: PRESEED,
    FLAVOR,
  };
}

/** Returns the command-line options of the command in the article (docs/article.md). */
function articleOptions(): string[] {
  const parameters = { request_floating_ip: 'True', default_user: 'debian', command_prefix: 'sudo', flavor: FLAVOR };
  return [
    ...['--file-parameter', 'install_script', PRESEED],
    ...Object.entries(parameters).flatMap(([name, value]) => ['--parameter', name, value]),
  ];
}

/** Runs a program until it ends. The program inherits our standard error. */
async function run(command: string, args: string[], env: NodeJS.ProcessEnv): Promise<Run> {
  const began = performance.now();
  const child = spawn(command, args, { env, stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (output += chunk));
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${code}: ${output}`);
  return { output, took: performance.now() - began };
}

/** Deletes the JEOS that the first build has installed. Only the builds of this benchmark have used it. */
async function removeImage(id: string): Promise<void> {
  const clouds = connectClouds();
  try {
    await clouds.get(process.env['OS_CLOUD'] ?? 'envvars').image.deleteImage(id);
  } finally {
    await clouds.close();
  }
}
