import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { parseParameters } from '../../../src/domain/parameters.js';
import { getExitCode, parse } from '../../../src/cli/cli.js';
import { readParameters } from '../../../src/cli/parameters.js';

const directory = mkdtempSync(join(tmpdir(), 'imagefactory-parameters-'));
after(() => rmSync(directory, { recursive: true }));

function fileWith(name: string, content: string | Uint8Array): string {
  const path = join(directory, name);
  writeFileSync(path, content);
  return path;
}

async function parametersOf(...args: string[]): Promise<Record<string, unknown>> {
  const understood = await parse(['base_image', ...args, 'x.tdl']);
  assert.notEqual(typeof understood, 'string');
  return readParameters((understood as { options: Record<string, unknown> }).options);
}

/** Returns a check that an error ends the command with an exit code and has the given properties. */
function exitsWith(code: number, properties: Partial<Error> = {}): (error: unknown) => true {
  return (error) => {
    assert.equal(getExitCode(error), code);
    assert.ok(error instanceof Error);
    for (const name of ['name', 'message'] as const) assert.equal(error[name], properties[name] ?? error[name]);
    return true;
  };
}

test('--parameter overrides the JSON file, and --file-parameter overrides both, in any order of the options', async () => {
  const json = fileWith('p.json', '{"flavor": "1", "default_user": "json", "image_name": "json", "public": true}');
  const name = fileWith('name', 'from the file');
  assert.deepEqual(
    await parametersOf(
      ...['--file-parameter', 'image_name', name],
      ...['--parameter', 'image_name', 'pair', '--parameter', 'default_user', 'pair'],
      ...['--parameters', json],
    ),
    { flavor: '1', default_user: 'pair', image_name: 'from the file', public: true },
  );
});

test('the article’s command line gives the article’s parameters', async () => {
  const script = fileWith('f19.ks', 'install\npoweroff\n');
  const given = await parametersOf(
    ...['--file-parameter', 'install_script', script],
    ...['--parameter', 'request_floating_ip', 'True'],
    ...['--parameter', 'default_user', 'ec2-user'],
    ...['--parameter', 'command_prefix', 'sudo'],
    ...['--parameter', 'flavor', '2'],
  );
  const parameters = parseParameters(given);
  assert.equal(parameters.install_script, 'install\npoweroff\n');
  assert.equal(parameters.request_floating_ip, true);
  assert.equal(parameters.default_user, 'ec2-user');
  assert.equal(parameters.command_prefix, 'sudo');
  assert.equal(parameters.flavor, '2');
});

test('a value may be empty, begin with a dash, be quoted, or look like a number', async () => {
  assert.deepEqual(
    await parametersOf(
      ...['--parameter', 'command_prefix', '', '--parameter', 'image_name', '--odd', '--parameter', 'network', '"q"'],
      ...['--parameter', 'flavor', '007'],
    ),
    { command_prefix: '', image_name: '--odd', network: '"q"', flavor: '007' },
  );
});

test('a parameter that is given several times has its last value', async () => {
  assert.deepEqual(await parametersOf('--parameter', 'flavor', '1', '--parameter', 'flavor', '2'), { flavor: '2' });
});

test('a file that cannot be read is named, with exit code 1', async () => {
  const missing = join(directory, 'missing');
  const wanted = exitsWith(1, { message: `--file-parameter install_script ${missing}: no such file or directory` });
  await assert.rejects(parametersOf('--file-parameter', 'install_script', missing), wanted);
  await assert.rejects(parametersOf('--parameters', missing), exitsWith(1));
});

test('the byte order mark of a file is not part of the value', async () => {
  const script = fileWith('mark.ks', '\ufeffpoweroff\r\n');
  const json = fileWith('mark.json', '\ufeff{"flavor": "1"}');
  assert.deepEqual(await parametersOf('--parameters', json, '--file-parameter', 'install_script', script), {
    flavor: '1',
    install_script: 'poweroff\r\n',
  });
});

test('a file that is not UTF-8 is named, with exit code 1, and never read with replacement characters', async () => {
  const latin = Buffer.from('{"image_name": "café"}', 'latin1');
  const file = fileWith('latin.json', latin);
  const wanted = exitsWith(1, { name: 'InvalidFilesError' });
  await assert.rejects(parametersOf('--parameters', file), wanted);
  await assert.rejects(parametersOf('--file-parameter', 'image_name', file), wanted);
});

test('--parameters must hold a JSON object', async () => {
  await assert.rejects(parametersOf('--parameters', fileWith('list.json', '[]')), /not a JSON object/);
  await assert.rejects(parametersOf('--parameters', fileWith('broken.json', '{')), exitsWith(1));
});
