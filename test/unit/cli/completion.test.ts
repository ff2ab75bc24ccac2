import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmodSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { COMMANDS } from '../../../src/cli/commands/index.js';
import { readBuilds, rememberBuild, writeBuilds } from '../../../src/cli/completion/build-cache.js';
import { buildTable } from '../../../src/cli/command-table.js';
import { answerShell, listCandidates } from '../../../src/cli/completion/complete.js';
import { SCRIPTS } from '../../../src/cli/completion/scripts.js';
import { PARAMETERS } from '../../../src/domain/parameters.js';

const PROJECT = fileURLToPath(new URL('../../../', import.meta.url));
const UUIDS = ['bdd32b97-0e94-473a-b376-74d2da289a2c', 'ca01c180-9025-4615-87fb-6343f596588b'];
const BUILDS = UUIDS.map((value) => ({ value, description: `debian: ${value.slice(0, 2)}` }));
const TABLE = buildTable();

/** Completes the last of the words. */
function complete(...words: string[]): string[] {
  return listCandidates(words, TABLE, () => BUILDS).map(({ value }) => value);
}

describe('the completion', () => {
  it('offers commands, their options and the options of every command', () => {
    const names = COMMANDS.map(({ usage }) => usage.split(' ')[0] ?? '');
    assert.deepEqual(complete(''), names);
    assert.deepEqual(complete('st'), ['status']);
    assert.deepEqual(complete('--output', 'json', 'sta'), ['status']);
    assert.deepEqual(complete('cancel', UUIDS[0] ?? '', '--de'), ['--detach', '--debug']);
    assert.ok(complete('base_image', '--os').includes('--os-cloud'));
  });

  it('offers builds wherever a command takes a UUID', () => {
    for (const { usage } of COMMANDS.filter((command) => command.usage.includes('<uuid>'))) {
      const [name = ''] = usage.split(' ');
      assert.deepEqual(complete(name, ''), UUIDS, name);
      assert.deepEqual(complete(name, 'ca'), UUIDS.slice(1), name);
    }
    assert.deepEqual(complete('resume', '--from', 'jeos', '--skip', 'bd'), UUIDS.slice(0, 1));
  });

  it('offers parameters and their values', () => {
    assert.deepEqual(complete('base_image', '--parameter', ''), Object.keys(PARAMETERS));
    assert.deepEqual(complete('base_image', '--parameter', 'disk_layout', ''), ['plain', 'lvm', 'efi']);
    assert.deepEqual(complete('resume', UUIDS[0] ?? '', '--parameter', 'download', 'T'), ['True']);
    assert.deepEqual(complete('base_image', '--on-error', 'h'), ['hold']);
    assert.deepEqual(complete('dev', ''), ['start', 'stop', 'status']);
  });

  it('offers the parameters of a target image, and those of the base image that may be built first', () => {
    const names = ['compression', 'verify', 'target_profile', 'target_content'];
    assert.deepEqual(complete('target_image', 'ec2', '--parameter', ''), [...names, ...Object.keys(PARAMETERS)]);
    assert.deepEqual(complete('target_image', '--parameter', 'verify', ''), ['compare', 'boot']);
    assert.deepEqual(complete('target_image', '--parameter', 'disk_layout', 'l'), ['lvm']);
    assert.deepEqual(complete('base_image', '--parameter', 'veri'), []);
  });

  it('leaves files to the shell: templates, scripts, files of parameters', () => {
    const lines = [['base_image', ''], ['validate', 'a.tdl', ''], ['base_image', '--parameters', ''], ['base_image', '--file-parameter', 'install_script', ''], ['resume', 'u', '--template', '']]; // prettier-ignore
    for (const line of lines) assert.deepEqual(complete(...line), [], line.join(' '));
  });

  it('offers nothing behind a word that is no command', () => {
    assert.deepEqual(complete('bake', ''), []);
  });

  it('loads only its own few files, and nothing that is slow to load', async () => {
    const { metafile } = await build({
      entryPoints: ['src/cli/main.ts'],
      absWorkingDir: PROJECT,
      bundle: true,
      splitting: true,
      packages: 'external',
      platform: 'node',
      format: 'esm',
      metafile: true,
      write: false,
      outdir: 'out',
    });
    /** The files of a chunk, and of the chunks that it loads at once. */
    const load = (path: string): string[] => {
      const output = metafile.outputs[path];
      if (output === undefined) return [path];
      const next = output.imports
        .filter(({ kind }) => kind === 'import-statement')
        .flatMap((other) => load(other.path));
      return [...Object.keys(output.inputs), ...next];
    };
    const entry = (file: string): string =>
      Object.entries(metafile.outputs).find(([, { entryPoint }]) => entryPoint === file)?.[0] ?? '';
    const loaded = [...load(entry('src/cli/main.ts')), ...load(entry('src/cli/completion/complete.ts'))];
    const others = loaded.filter((path) => !/^(src\/cli\/(main|completion\/[\w-]+)\.ts|node:\w+)$/.test(path));
    assert.deepEqual(others, []);
    assert.ok(loaded.includes('src/cli/completion/complete.ts'));
  });
});

describe('the builds for the completion', () => {
  const folder = mkdtempSync(join(tmpdir(), 'imagefactory-completion-'));
  after(() => rmSync(folder, { recursive: true }));
  const envOf = (name: string): NodeJS.ProcessEnv => ({ XDG_CACHE_HOME: join(folder, name), SHELL: '/bin/bash' });

  let refreshes = 0;
  const refresh = (): void => void refreshes++;

  it('are read from Temporal in the background, by one process for many completions', () => {
    const env = envOf('asked');
    refreshes = 0;
    for (let time = 0; time < 3; time++) assert.deepEqual(readBuilds(env, refresh), []);
    assert.equal(refreshes, 1);
    // A build of this user does not make the file new.
    rememberBuild({ ...env, TEMPORAL_NAMESPACE: 'other' }, BUILDS[0] ?? { value: '', description: '' });
    assert.equal(readBuilds({ ...env, TEMPORAL_NAMESPACE: 'other' }, refresh).length, 1);
    assert.equal(refreshes, 2);
  });

  it('are those that Temporal had, and those that this user has started since, newest first', () => {
    const env = envOf('kept');
    writeBuilds(env, BUILDS.slice(1));
    rememberBuild(env, BUILDS[0] ?? { value: '', description: '' });
    assert.deepEqual(readBuilds(env, refresh), BUILDS);
    assert.deepEqual(readBuilds({ ...env, TEMPORAL_ADDRESS: 'other:7233' }, refresh), []);
  });

  it('have the names of their templates in shells that show descriptions', async () => {
    const env = envOf('shells');
    writeBuilds(env, BUILDS);
    const answer = (shell: string): Promise<string> =>
      answerShell(['status', 'bd'], { ...env, IMAGEFACTORY_SHELL: shell }, refresh);
    const [uuid = ''] = UUIDS;
    assert.equal(await answer('bash'), `${uuid}\n`);
    assert.equal(await answer('zsh'), `${uuid}:debian: bd\n`);
    assert.equal(await answer('fish'), `${uuid}\tdebian: bd\n`);
  });

  it('are none, without an error, when the cache cannot be read or written, or there is no home', async () => {
    writeFileSync(join(folder, 'a-file'), '');
    assert.equal(await answerShell(['status', ''], envOf('a-file'), refresh), '');
    assert.equal(await answerShell(['status', ''], {}, refresh), '');
  });

  it('are only UUIDs with plain descriptions, whatever the cache holds', () => {
    const env = envOf('damaged');
    const [build = { value: '', description: '' }] = BUILDS;
    writeBuilds(env, []);
    const [name = ''] = readdirSync(join(folder, 'damaged', 'imagefactory'));
    const file = join(folder, 'damaged', 'imagefactory', name);
    for (const text of ['null', '{"value": 1}', '"x"', '[null, 1, [], {"value": 2}, {"value": "$(id)"}]', '{']) {
      writeFileSync(file, text);
      assert.deepEqual(readBuilds(env, refresh), [], text);
      writeFileSync(file, text);
      rememberBuild(env, build);
      assert.deepEqual(readBuilds(env, refresh), [build], text);
    }
    writeBuilds(env, [{ ...build, description: "it's `id` $(id); \\ \u001b[1m Größe 5" }]);
    assert.equal(readBuilds(env, refresh)[0]?.description, 'it s id id 1m Größe 5');
  });
});

describe('the script for bash', () => {
  const folder = mkdtempSync(join(tmpdir(), 'imagefactory-bash-'));
  after(() => rmSync(folder, { recursive: true }));

  /** Completes the word `sta` in bash, with a program that offers these candidates. Returns what bash prints. */
  async function completeInBash(candidates: string[], after = ''): Promise<string> {
    const program = join(folder, 'imagefactory');
    writeFileSync(join(folder, 'candidates'), candidates.map((candidate) => `${candidate}\n`).join(''));
    writeFileSync(program, '#!/bin/sh\ncat "$(dirname "$0")/candidates"\necho noise >&2\n');
    chmodSync(program, 0o755);
    const script = `${SCRIPTS.bash}
      COMP_WORDS=(${program} dev sta)
      COMP_CWORD=2
      _imagefactory ${program} sta dev
      printf '%s\\n' "\${COMPREPLY[@]}"
      ${after}`;
    const { stdout, stderr } = await promisify(execFile)('bash', ['--norc', '-c', script], { cwd: folder });
    assert.equal(stderr, '');
    return stdout;
  }

  it('fills in the one candidate, offers several, and leaves the rest to the files', async () => {
    assert.equal(
      await completeInBash(['status', 'other', 'start x'], 'complete -p imagefactory'),
      'status\nstart x\ncomplete -o bashdefault -o default -F _imagefactory imagefactory\n',
    );
    assert.equal(await completeInBash([], 'echo "${#COMPREPLY[@]}"'), '\n0\n');
  });

  it('runs nothing that looks like a command in a candidate', async () => {
    const hostile = ['sta$(touch owned)', 'sta`touch owned`', 'sta$((1+1))', 'sta$HOME', 'sta*', 'sta\\x"'];
    assert.equal(await completeInBash(hostile), hostile.map((candidate) => `${candidate}\n`).join(''));
    assert.ok(!readdirSync(folder).includes('owned'));
  });
});
