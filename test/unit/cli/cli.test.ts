import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parse, run } from '../../../src/cli/cli.js';
import { PARAMETER_GROUPS } from '../../../src/domain/parameter-words.js';
import { PARAMETERS, type ParameterDefinition } from '../../../src/domain/parameters.js';
import { RecordingIo } from './recording-io.js';

const UUID = 'bdd32b97-0e94-473a-b376-74d2da289a2c';

async function optionsOf(line: string[]): Promise<Record<string, unknown>> {
  const understood = await parse(line);
  if (typeof understood === 'string') assert.fail(understood);
  return { ...understood.options, command: understood.command.usage.split(' ')[0] };
}

for (const [line, expected] of [
  [
    ['--output', 'json', 'images', '{"status": "COMPLETE"}'],
    { command: 'images', output: 'json', fetch_spec: '{"status": "COMPLETE"}' },
  ],
  [['images', '1234'], { command: 'images', fetch_spec: '1234' }],
  [
    ['--debug', '--timeout', '60', 'base_image', 't.tdl', '--detach'],
    { debug: true, timeout: '60', template: 't.tdl', detach: true },
  ],
  [['base_image', '--os-cloud', 'prod', 't.tdl'], { cloud: 'prod' }],
  [['validate', 'a.tdl', 'b.tdl', '--file-parameter', 'install_script', 'c'], { file: ['a.tdl', 'b.tdl'] }],
  [
    ['--imgdir', '/i', '--tmpdir', '/t', '--plugins', '/p', '--raw', '--nodebug', 'plugins', '--id', 'x'],
    { id: 'x', raw: true },
  ],
  [['--ec2-32bit-util', 'm1.small', 'watch', UUID], { uuid: UUID }],
  [
    ['delete', UUID, '--provider', 'p', '--credentials', 'c', '--target', 't', '--parameter', 'a', 'b'],
    { uuid: UUID, target: 't' },
  ],
  [['validate', '--', 'a.tdl', '-b.tdl'], { file: ['a.tdl', './-b.tdl'] }],
  [['validate', 'a.tdl', '--', 'b.tdl'], { file: ['a.tdl', 'b.tdl'] }],
  [['base_image', '--detach', '--', 't.tdl'], { detach: true, template: 't.tdl' }],
  [
    ['base_image', '--parameter', 'command_prefix', '--', '--', 't.tdl'],
    { parameter: ['command_prefix', '--'], template: 't.tdl' },
  ],
  [['images', '--', '{}'], { fetch_spec: '{}' }],
  [['status', '--', UUID], { uuid: UUID }],
  [['deadline', UUID, '--', 'install_timeout', '60'], { name: 'install_timeout', seconds: '60' }],
  [['ssh', UUID, '--', 'ls', '-l'], { uuid: UUID, _: ['ssh', 'ls', '-l'] }],
  [['deadline', UUID, 'install_timeout', '60'], { name: 'install_timeout', seconds: '60' }],
] as [string[], Record<string, unknown>][]) {
  test(`imagefactory ${line.join(' ')} is parsed`, async () => {
    const options = await optionsOf(line);
    for (const [name, value] of Object.entries(expected)) assert.deepEqual(options[name], value, name);
  });
}

for (const [what, line, message] of [
  ['no command', ['--debug'], /no command is given/],
  ['an unknown command', ['bake'], /Unknown argument: bake/],
  ['an unknown option', ['images', '--query', 'x'], /Unknown argument/],
  [
    'a missing template',
    ['base_image', '--parameter', 'flavor', 't.tdl'],
    /an argument is missing \(usage: imagefactory base_image <template>/,
  ],
  ['one template too many', ['base_image', 'a.tdl', '--', 'b.tdl'], /Unknown argument: b\.tdl/],
  ['no template behind --', ['validate', '--'], /an argument is missing \(usage: imagefactory validate/],
  ['an unknown output', ['--output', 'xml', 'images'], /Invalid values/],
  ['--debug and --nodebug', ['--debug', '--nodebug', 'images'], /mutually exclusive/],
  ['an empty UUID', ['status', ' '], /the UUID is empty/],
  ['a fetch_spec that is no JSON', ['images', '{status: 1}'], /fetch_spec is not JSON/],
  ['a fetch_spec that is no object', ['images', '[]'], /fetch_spec is not a JSON object/],
  ['--local and --detach', ['base_image', '--local', '--detach', 't.tdl'], /--local and --detach exclude each other/],
  ['an unknown deadline', ['deadline', UUID, 'lunch', '60'], /Invalid values/],
  [
    'a template that is not there',
    ['base_image', '/nowhere/t.tdl'],
    /template \/nowhere\/t.tdl cannot be read: no such file/,
  ],
  [
    'a parameter file of an unknown name',
    ['base_image', '--file-parameter', 'nonsense', '/dev/null', '/dev/null'],
    /no parameter "nonsense"/,
  ],
] as [string, string[], RegExp][]) {
  test(`${what}: one sentence on standard error, nothing on standard output, exit code 2`, async () => {
    const io = new RecordingIo();
    assert.equal(await run(line, io), 2);
    assert.match(io.stderr, message);
    assert.equal(io.stdout, '');
  });
}

for (const [what, line, question] of [
  ['command', ['statsu', UUID], /did you mean status\?/],
  ['option', ['cancel', UUID, '--detatch'], /did you mean --detach\?/],
  ['option with a value', ['base_image', '--ouptut=json', 't.tdl'], /did you mean --output\?/],
  ['option that is a parameter', ['base_image', '--flavor', '2', 't.tdl'], /did you mean --parameter flavor VALUE\?/],
  [
    'parameter',
    ['base_image', '--file-parameter', 'instal-script', '/dev/null', '/dev/null'],
    /did you mean install_script\? The parameters are /,
  ],
] as [string, string[], RegExp][]) {
  test(`a mistyped ${what} gives the question whether the right one was meant`, async () => {
    const io = new RecordingIo();
    assert.equal(await run(line, io), 2);
    assert.match(io.stderr, question);
  });
}

test('a word that is close to no command, and an argument too many, give no such question', async () => {
  for (const line of [['bake'], ['images', '{}', 'status'], ['cancel', UUID, 'watsh']]) {
    const io = new RecordingIo();
    assert.equal(await run(line, io), 2);
    assert.doesNotMatch(io.stderr, /did you mean/);
  }
});

test('without arguments the help is printed, with every command in it', async () => {
  const io = new RecordingIo();
  assert.equal(await run([], io), 0);
  for (const command of [
    'base_image',
    'validate',
    'images',
    'status',
    'watch',
    'cancel',
    'delete',
    'plugins',
    'worker',
    'dev',
  ]) {
    assert.match(io.stdout, new RegExp(`imagefactory ${command}`));
  }
});

test('base_image --help says of every parameter what it means, its type and its default', async () => {
  const io = new RecordingIo();
  assert.equal(await run(['base_image', '--help'], io), 0);
  // The help is wrapped to the width of the terminal.
  const help = io.stdout.replace(/\s+/g, ' ');
  for (const [name, definition] of Object.entries(PARAMETERS) as [string, ParameterDefinition][]) {
    const meaning = definition.description.split(/\.(?= |$)/)[0] ?? '';
    const at = help.indexOf(` ${name} ${meaning} [`);
    assert.notEqual(at, -1, `${name}: ${meaning}`);
    const facts = help.slice(at).split('[')[1] ?? '';
    assert.match(facts, /^[^\]]+; default: [^\]]+\]/, name);
    for (const choice of definition.choices ?? []) assert.ok(facts.includes(choice), `${name}: ${choice}`);
  }
  for (const [, title] of PARAMETER_GROUPS) assert.ok(help.includes(`${title}: `), title);
  for (const facts of [
    /flavor Flavor of both instances, by id or name \[text; default: none\]/,
    /install_timeout How long .*? \[seconds; default: 7200\]/,
    /image_name Name of the base image in Glance \[text; default: the template’s name followed by -base\]/,
    /on_error What happens when a step fails \[cleanup, hold, keep; default: cleanup\]/,
  ]) {
    assert.match(help, facts);
  }
});

test('--version prints the version alone', async () => {
  const io = new RecordingIo();
  assert.equal(await run(['--version'], io), 0);
  assert.match(io.stdout, /^\d+\.\d+\.\d+\n$/);
});

test('when Temporal does not answer, the error names Temporal’s address and how to start a Temporal server', async () => {
  const io = new RecordingIo({ TEMPORAL_ADDRESS: '127.0.0.1:1' });
  assert.equal(await run(['status', UUID], io), 1);
  assert.match(io.stderr, /Temporal does not answer at 127\.0\.0\.1:1/);
  assert.match(io.stderr, /imagefactory dev start/);
});

test('watch never exits as if the build had failed while Temporal does not answer', async () => {
  const io = new RecordingIo({ TEMPORAL_ADDRESS: '127.0.0.1:1' });
  assert.equal(await run(['--output', 'json', 'watch', UUID], io), 75);
  assert.match(io.stderr, /Temporal does not answer at 127\.0\.0\.1:1/);
  assert.match(io.stderr, new RegExp(`imagefactory watch ${UUID}`));
  assert.equal((JSON.parse(io.stdout) as { status: string }).status, 'UNKNOWN');
});

test('in JSON mode an error is also printed as one JSON document on standard output', async () => {
  const io = new RecordingIo({ TEMPORAL_ADDRESS: '127.0.0.1:1' });
  assert.equal(await run(['--output', 'json', 'status', UUID], io), 1);
  const document = JSON.parse(io.stdout) as { status: string; error: { message: string } };
  assert.equal(document.status, 'UNKNOWN');
  assert.match(document.error.message, /does not answer/);
});
