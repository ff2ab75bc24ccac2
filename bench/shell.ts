import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { parseParameters } from '../src/build/parameters.js';
import { planBuild } from '../src/build/plan.js';
import { throwIfInvalid } from '../src/tdl/parse.js';
import { report, seconds } from './report.js';

const run = promisify(execFile);
const PROJECT = fileURLToPath(new URL('../', import.meta.url));
const TEMPLATE = join(PROJECT, 'examples/debian-12.tdl');
const SCRIPT = join(PROJECT, 'examples/debian-12.preseed');
const {
  DEMO_FLAVOR: FLAVOR = '2',
  DEMO_NETWORK: NETWORK = 'private',
  DEMO_EXTERNAL: EXTERNAL = 'public',
} = process.env;

/**
 * (c) The lifecycle as a shell script of `openstack` commands, against ours, on the cloud that OS_CLOUD names, with the
 * worker and the mirror of `make demo`.
 */
export async function shell(): Promise<void> {
  if (process.env['OS_CLOUD'] === undefined || process.env['TEMPORAL_ADDRESS'] === undefined) {
    throw new Error('set OS_CLOUD and TEMPORAL_ADDRESS: `make demo` says which, and leaves what this needs running');
  }
  const ours = await timed(() => imagefactory('False'));
  const script = await timed(byScript);
  const reused = await timed(() => imagefactory('True'));
  const ratio = (time: number): string => (time / script).toFixed(2);
  report('(c) The same lifecycle as a shell script', [
    { what: 'shell script', value: seconds(script) },
    { what: 'ours, with an installer’s run', value: `${seconds(ours)}, ratio ${ratio(ours)}`, aim: '≤ 1.0' },
    { what: 'ours, JEOS reused', value: `${seconds(reused)}, ratio ${ratio(reused)}`, aim: '≤ 0.6' },
  ]);
}

async function timed(work: () => Promise<string>): Promise<number> {
  const began = performance.now();
  const image = await work();
  const took = performance.now() - began;
  await run('openstack', ['image', 'delete', image]);
  process.stderr.write(`  ${seconds(took)}\n`);
  return took;
}

async function imagefactory(reuse: string): Promise<string> {
  const given = {
    request_floating_ip: 'True',
    default_user: 'debian',
    command_prefix: 'sudo',
    flavor: FLAVOR,
    reuse_jeos: reuse,
  };
  const parameters = Object.entries(given).flatMap(([name, value]) => ['--parameter', name, value]);
  const args = [
    'bin/imagefactory.js',
    'base_image',
    '--file-parameter',
    'install_script',
    SCRIPT,
    ...parameters,
    TEMPLATE,
  ];
  const { stdout } = await run(process.execPath, args, { cwd: PROJECT, maxBuffer: 16 * 1024 * 1024 });
  return /^Glance image: (\S+)$/m.exec(stdout)?.[1] ?? '';
}

async function byScript(): Promise<string> {
  const template = throwIfInvalid(await readFile(TEMPLATE), TEMPLATE);
  const installScript = await readFile(SCRIPT, 'utf8');
  const { installer } = planBuild({ template, installScript, parameters: parseParameters({}) });
  const folder = await mkdtemp(join(tmpdir(), 'imagefactory-bench-'));
  try {
    const fetched = async (name: string, url: string | undefined): Promise<string> => {
      const answer = await fetch(url ?? '');
      if (!answer.ok) throw new Error(`${url}: ${answer.status}`);
      await writeFile(join(folder, name), Buffer.from(await answer.arrayBuffer()));
      return join(folder, name);
    };
    const env = {
      ...process.env,
      KERNEL: await fetched('kernel', installer.kernel.urls[0]),
      RAMDISK: await fetched('ramdisk', installer.ramdisk.urls[0]),
      COMMAND_LINE: installer.commandLine,
      SCRIPT,
      FLAVOR,
      NETWORK,
      EXTERNAL,
    };
    const { stdout } = await run(join(PROJECT, 'bench/build.sh'), [], { env, maxBuffer: 16 * 1024 * 1024 });
    return stdout.trim().split('\n').at(-1) ?? '';
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
