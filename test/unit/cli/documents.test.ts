import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { jsonSchemas } from '../../../scripts/docs/json-schemas.js';
import { run } from '../../../src/cli/cli.js';
import { COMMANDS } from '../../../src/cli/commands/index.js';
import { checkDocument } from '../../support/json-documents.js';
import { RecordingIo } from './recording-io.js';

const UUID = 'bdd32b97-0e94-473a-b376-74d2da289a2c';
const names = COMMANDS.map(({ usage }) => usage.split(' ')[0] ?? '');
const directory = mkdtempSync(join(tmpdir(), 'imagefactory-documents-'));
after(() => rmSync(directory, { recursive: true }));
const missing = join(directory, 'missing');
const template = join(directory, 'good.tdl');
writeFileSync(
  template,
  `<template><name>t</name><os><name>Fedora</name><version>19</version><arch>x86_64</arch>
  <install type='url'><url>http://download.example.org/os</url></install></os></template>`,
);

/** Runs a command line that asks for JSON, and checks the document. */
async function runJson(line: string[], command = line[0] ?? ''): Promise<{ code: number; error: unknown }> {
  const io = new RecordingIo({
    TEMPORAL_ADDRESS: '127.0.0.1:1',
    TEMPORAL_CLI: '/bin/false',
    IMAGEFACTORY_CACHE: directory,
  });
  const code = await run(['--output', 'json', ...line], io);
  return { code, error: checkDocument(command, code, io.stdout)['error'] };
}

test('every command has a schema in docs/schemas, and no schema is out of date', async () => {
  const written = await jsonSchemas();
  assert.deepEqual([...written.keys()].sort(), names.map((name) => `${name}.json`).sort());
  assert.deepEqual(readdirSync('docs/schemas').sort(), [...written.keys()].sort());
  for (const [file, text] of written)
    assert.equal(readFileSync(join('docs/schemas', file), 'utf8'), text, 'npm run docs');
});

for (const name of names) {
  test(`${name}: a wrong option gives a JSON document with an error, and exit code 2`, async () => {
    const { code, error } = await runJson([name, '--nonsense']);
    assert.equal(code, 2);
    assert.equal((error as { type: string }).type, 'Usage');
  });
}

for (const { usage } of COMMANDS.filter((command) => command.usage.includes('<'))) {
  const [name = ''] = usage.split(' ');
  test(`${name}: a missing argument gives a JSON document with an error, and exit code 2`, async () => {
    assert.equal((await runJson([name])).code, 2);
  });
}

for (const [what, line, code] of [
  ['base_image: an empty path', ['base_image', ''], 2],
  ['base_image: a missing file', ['base_image', missing], 2],
  ['base_image: a folder', ['base_image', directory], 2],
  ['base_image: an empty path of a parameter', ['base_image', template, '--file-parameter', 'install_script', ''], 1],
  ['base_image: an empty path of the parameters', ['base_image', template, '--parameters', ''], 1],
  ['install-script: an empty path', ['install-script', ''], 2],
  ['install-script: a missing file', ['install-script', missing], 2],
  ['resume: an empty path of a template', ['resume', UUID, '--template', ''], 2],
  ['resume: a missing template', ['resume', UUID, '--template', missing], 2],
  ['resume: an empty path of a parameter', ['resume', UUID, '--file-parameter', 'install_script', ''], 1],
  ['validate: an empty path', ['validate', ''], 2],
  ['validate: an empty path beside a good one', ['validate', template, ''], 2],
  ['validate: an empty path of a script', ['validate', template, '--file-parameter', 'install_script', ''], 1],
  ['validate: an empty path of the parameters', ['validate', template, '--parameters', ''], 1],
  ['validate: a missing file', ['validate', missing], 1],
  ['images: an empty specification', ['images', ''], 2],
  ['images: an empty path of the configuration', ['images', '--config', ''], 2],
  ['images: a missing configuration', ['images', '--config', missing], 2],
  ['images: an empty path of the payload keys', ['images', '--payload-keys', ''], 2],
  ['images: a missing file of payload keys', ['images', '--payload-keys', missing], 2],
  ['codec: serve without a key', ['codec', 'serve'], 2],
  ['plugins: an unknown system', ['plugins', '--id', 'beos'], 1],
  ['dev: a server that ends at once', ['dev', 'start'], 1],
  ['status: no Temporal', ['status', UUID], 1],
  ['watch: no Temporal', ['watch', UUID], 75],
  ['worker: no Temporal', ['worker'], 1],
  ['setup: no Temporal', ['setup'], 1],
  ['gc: no Temporal', ['gc'], 1],
  ['ssh: no Temporal', ['ssh', UUID], 1],
] as [string, string[], number][]) {
  test(`${what} gives a JSON document with an error, and exit code ${code}`, async () => {
    assert.equal((await runJson(line)).code, code);
  });
}

test('JSON is also asked for after the command, with =, and in the configuration file', async () => {
  const config = join(directory, 'json.conf');
  writeFileSync(config, '{"output": "json"}');
  for (const line of [
    ['images', '--nonsense', '--output', 'json'],
    ['images', '--nonsense', '--output=json'],
    ['images', '--nonsense', '--config', config],
    ['images', '--output', 'log', '--nonsense', '--output', 'json'],
  ]) {
    const io = new RecordingIo();
    assert.equal(await run(line, io), 2);
    checkDocument('images', 2, io.stdout);
  }
  const io = new RecordingIo();
  assert.equal(await run(['images', '--nonsense', '--config', config, '--output', 'log'], io), 2);
  assert.equal(io.stdout, '');
});

test('a command line without a command gives a JSON document with an error', async () => {
  const io = new RecordingIo();
  assert.equal(await run(['--output', 'json'], io), 2);
  assert.equal((JSON.parse(io.stdout) as { error: { type: string } }).error.type, 'Usage');
});
