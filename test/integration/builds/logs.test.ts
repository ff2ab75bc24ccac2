import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { run } from '../../../src/cli/cli.js';
import { checkDocument } from '../../support/json-documents.js';
import { TestEnv, type Build } from '../../support/test-env.js';
import { RecordingIo } from '../../unit/cli/recording-io.js';

/** Prints 600 kB: more than one answer of a worker contains. */
const LONG = 'i=0; while [ $i -lt 20000 ]; do echo "line $i of the long output"; i=$((i+1)); done';

interface LogsDocument {
  identifier: string;
  logs: { name: string; kind: string; cut: boolean; text: string }[];
}

describe('the logs of a build', { timeout: 180_000 }, () => {
  let env: TestEnv;
  before(async () => {
    env = await TestEnv.start();
  });
  after(() => env.close());

  async function command(...words: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
    const io = new RecordingIo(env.variables());
    const code = await run(['--task-queue', env.taskQueue, ...words], io);
    return { code, stdout: io.stdout, stderr: io.stderr };
  }

  async function logsOf(build: Build): Promise<LogsDocument> {
    const { code, stdout } = await command('--output', 'json', 'logs', build.uuid);
    return checkDocument('logs', code, stdout) as unknown as LogsDocument;
  }

  it('are whole, without secrets, and gone with the image', async () => {
    const password = 'RootPassword-Ouagadougou';
    const body = `<commands><command name="long">${LONG.replaceAll('<', '&lt;')}</command>
      <command name="said">printf '\\033[31mred\\n'; echo the password is ${password}</command></commands>`;
    const template = env.template({ body }).replace('</os>', `<rootpw>${password}</rootpw></os>`);
    const build = await env.build(template);
    await build.result();

    const { identifier, logs } = await logsOf(build);
    assert.equal(identifier, build.uuid);
    const text = (name: string): string => logs.find((log) => log.name === name)?.text ?? assert.fail(name);
    const lines = text('command:1 long').trimEnd().split('\n');
    assert.deepEqual(
      [lines.length, lines[0], lines.at(-1)],
      [20_000, 'line 0 of the long output', 'line 19999 of the long output'],
    );
    assert.equal(text('command:2 said'), '\u001b[31mred\nthe password is ********\n');
    assert.notEqual(text('installer'), '');
    assert.notEqual(text('customise'), '');

    const { code, stdout } = await command('logs', build.uuid);
    assert.equal(code, 0);
    assert.match(stdout, /^command:1 long \(output, .* UTC\)\n {2}line 0 of the long output\n/m);
    assert.match(stdout, /^ {2}red\n {2}the password is \*{8}\n/m);
    assert.doesNotMatch(stdout, /[\u001b\r]/);
    const one = await command('logs', build.uuid, 'command:2 said');
    assert.equal(one.stdout.split('\n').length, 4);
    const unknown = await command('logs', build.uuid, 'lunch');
    assert.equal(unknown.code, 1);
    assert.match(unknown.stderr, /has no log "lunch"\n.*its logs are: installer, .*command:1 long/);

    assert.equal((await command('delete', build.uuid)).code, 0);
    assert.equal((await command('logs', build.uuid)).code, 1);
  });

  it('of a failed build have the output of the command that failed, and the console', async () => {
    const body = '<commands><command name="bad">echo so sad; exit 3</command></commands>';
    const build = await env.build(env.template({ body }));
    await build.failure();
    const { logs } = await logsOf(build);
    assert.equal(logs.find(({ name }) => name === 'command:1 bad')?.text, 'so sad\n');
    assert.deepEqual(
      logs.filter(({ kind }) => kind === 'console').map(({ name }) => name),
      ['installer', 'customise'],
    );
  });
});
