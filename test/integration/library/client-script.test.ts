import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { temporalEnv } from '../../support/temporal.js';
import { PRESEED, TestEnv } from '../../support/test-env.js';
import { installPackedPackage, TSC } from '../../support/packed-package.js';

const run = promisify(execFile);
const SCRIPT = fileURLToPath(new URL('../../../examples/client-script.ts', import.meta.url));

interface Ended {
  code: number;
  stdout: string;
  stderr: string;
}

describe('the packed package, installed in an empty folder', () => {
  let folder: string;
  let env: TestEnv;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'imagefactory-package-'));
    [env] = await Promise.all([TestEnv.start(), installPackedPackage(folder)]);
    await copyFile(SCRIPT, join(folder, 'client-script.ts'));
    await writeFile(join(folder, 'tiny.tdl'), env.template());
    await writeFile(join(folder, 'tiny.preseed'), PRESEED);
  });
  after(async () => {
    await env.close();
    await rm(folder, { recursive: true });
  });

  /** Runs Node in the folder. Its environment contains only Temporal's address and the task queue. */
  async function node(...args: string[]): Promise<Ended> {
    const variables = { ...temporalEnv(env.temporal), IMAGEFACTORY_TASK_QUEUE: env.taskQueue };
    const options = { cwd: folder, env: { PATH: process.env['PATH'], ...variables } };
    return run(process.execPath, args, options).then(
      (output) => ({ code: 0, ...output }),
      (error: Ended) => error,
    );
  }

  it('has types for a strict TypeScript program, and builds an image for it', async () => {
    const compiled = await node(TSC, '-p', '.');
    assert.equal(compiled.stdout, '');
    assert.equal(compiled.code, 0);
    const { code, stdout, stderr } = await node('client-script.js', 'tiny.tdl', 'tiny.preseed');
    assert.equal(code, 0, stderr);
    const [image] = env.images('base');
    assert.equal(stdout, `${image?.id}\n`);
    assert.match(stderr, /^build [0-9a-f-]{36} has started\n/);
    assert.match(stderr, /^\d+ % \S+/m);
  });

  it('reports the mistakes in a template as an error of its own class', async () => {
    await writeFile(join(folder, 'wrong.tdl'), '<template/>');
    const { code, stdout, stderr } = await node('client-script.js', 'wrong.tdl', 'tiny.preseed');
    assert.equal(code, 1);
    assert.equal(stdout, '');
    assert.equal(stderr, 'InvalidFiles: there are mistakes in wrong.tdl; nothing was started\n');
  });

  it('exports the library alone, and prints nothing when it is imported', async () => {
    const print = (name: string): string => `console.log(typeof (await import('${name}')).startBuild)`;
    const library = await node('--input-type=module', '--eval', print('imagefactory-nova'));
    assert.deepEqual([library.stdout, library.stderr], ['function\n', '']);
    const inner = await node('--input-type=module', '--eval', print('imagefactory-nova/dist/src/worker/run.js'));
    assert.match(inner.stderr, /ERR_PACKAGE_PATH_NOT_EXPORTED/);
  });

  it('has the command line', async () => {
    const manifest = JSON.parse(
      await readFile(join(folder, 'node_modules/imagefactory-nova/package.json'), 'utf8'),
    ) as {
      version: string;
    };
    const { stdout } = await node('node_modules/imagefactory-nova/bin/imagefactory.js', '--version');
    assert.equal(stdout.trim(), manifest.version);
  });
});
