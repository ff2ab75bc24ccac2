import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { after, test } from 'node:test';
import { run } from '../../../src/cli/cli.js';
import type { FileReport } from '../../../src/client/errors.js';
import { RecordingIo } from './recording-io.js';

const directory = mkdtempSync(join(tmpdir(), 'imagefactory-validate-'));
after(() => rmSync(directory, { recursive: true }));

function fileWith(name: string, content: string | Uint8Array): string {
  const path = join(directory, name);
  writeFileSync(path, content);
  return path;
}

function templateOf(os: string): string {
  const install = "<install type='url'><url>http://download.example.org/os</url></install>";
  return `<template>\n  <name>t</name>\n  <os>\n    ${os}\n    <arch>x86_64</arch>\n    ${install}\n  </os>\n</template>\n`;
}

const good = fileWith('good.tdl', templateOf('<name>Fedora</name><version>19</version>'));
const unknownOs = fileWith('unknown.tdl', templateOf('<name>BeOS</name><version>5</version>'));
const broken = fileWith('broken.tdl', '<template>\n  <name>t</nam>\n</template>\n');
const noTdl = fileWith('no-tdl.xml', '<html><body/></html>\n');
const goodScript = fileWith('good.ks', 'install\npoweroff\n');
const badScript = fileWith('bad.ks', 'install\nreboot\n');
const missing = join(directory, 'missing.tdl');

async function validate(...args: string[]): Promise<{ code: number; stdout: string }> {
  const io = new RecordingIo();
  return { code: await run(args, io), stdout: io.stdout };
}

test('a valid template with a valid script is called valid, with exit code 0', async () => {
  const { code, stdout } = await validate('validate', good, '--file-parameter', 'install_script', goodScript);
  assert.equal(stdout, `${good}: valid\n${goodScript}: valid\n`);
  assert.equal(code, 0);
});

for (const [what, file] of [
  ['broken XML', broken],
  ['XML that is no TDL', noTdl],
  ['an operating system without a profile', unknownOs],
  ['a file that is not there', missing],
] as const) {
  test(`${what} is reported with file, line and column, and exit code 1`, async () => {
    const { code, stdout } = await validate('validate', file);
    assert.equal(code, 1);
    const [first = ''] = stdout.split('\n');
    assert.ok(first.startsWith(`${file}:`), first);
    assert.match(first.slice(file.length), /^:\d+:\d+: \S/);
  });
}

test('an operating system without a profile is reported at its place in the template', async () => {
  const { stdout } = await validate('validate', unknownOs);
  assert.match(stdout, /unknown\.tdl:[34]:\d+: .*BeOS/);
});

test('the place of an operating system without a profile is right after a comment that contains <os>, and in UTF-16', async () => {
  const commented = fileWith('commented.tdl', `<!-- <os> -->\n${templateOf('<name>BeOS</name><version>5</version>')}`);
  assert.match((await validate('validate', commented)).stdout, /commented\.tdl:4:3: .*BeOS/);
  const text = `\ufeff${templateOf('<name>BeOS</name><version>5</version>')}`;
  const utf16 = fileWith('utf-16.tdl', Buffer.from(text, 'utf16le'));
  assert.match((await validate('validate', utf16)).stdout, /utf-16\.tdl:3:3: .*BeOS/);
});

const UUID = 'bdd32b97-0e94-473a-b376-74d2da289a2c';
const cafe = templateOf('<name>Fedora</name><version>19</version>').replace('<name>t', '<name>café');
for (const [what, content, says] of [
  ['is not in the encoding that it names', Buffer.from(cafe, 'latin1'), /:2:12: the bytes at this place are not valid/],
  ['names an unknown encoding', `<?xml version="1.0" encoding="klingon"?>${cafe}`, /:1:1: the encoding "klingon"/],
] as const) {
  test(`a template that ${what} is refused by every command, with its place`, async () => {
    const file = fileWith('encoded.tdl', Buffer.from(content));
    const checked = new RecordingIo();
    assert.equal(await run(['validate', file], checked), 1);
    assert.match(checked.stdout, says);
    for (const line of [
      ['base_image', file],
      ['resume', UUID, '--template', file],
      ['install-script', file],
    ]) {
      const io = new RecordingIo({ TEMPORAL_ADDRESS: '127.0.0.1:1' });
      assert.equal(await run(line, io), 1, line.join(' '));
      assert.match(io.stderr, says, line.join(' '));
    }
  });
}

for (const [encoding, bytes] of [
  ['UTF-16', (text: string) => Buffer.from(`\ufeff${text}`, 'utf16le')],
  ['ISO-8859-1', (text: string) => Buffer.from(text, 'latin1')],
] as const) {
  test(`a template in ${encoding} is accepted by every command`, async () => {
    const file = fileWith('taken.tdl', bytes(`<?xml version="1.0" encoding="${encoding}"?>${cafe}`));
    assert.equal((await validate('validate', file)).code, 0);
    for (const line of [
      ['base_image', '--file-parameter', 'install_script', goodScript, file],
      ['resume', UUID, '--template', file],
    ]) {
      const io = new RecordingIo({ TEMPORAL_ADDRESS: '127.0.0.1:1' });
      assert.equal(await run(line, io), 1, line.join(' '));
      assert.match(io.stderr, /Temporal does not answer/);
    }
  });
}

test('an install script that does not power the machine off is reported with the name of its own file', async () => {
  const { code, stdout } = await validate('validate', good, '--file-parameter', 'install_script', badScript);
  assert.equal(code, 1);
  assert.match(stdout, /good\.tdl: valid\n/);
  assert.match(stdout, /bad\.ks:\d+:\d+: .*poweroff/);
});

test('a script that is too large for user data is valid with a transport that has no limit', async () => {
  const large = fileWith('large.ks', `poweroff\n${'#'.repeat(50_000)}\n`);
  const script = ['--file-parameter', 'install_script', large];
  const transport = ['--parameter', 'script_transport', 'initrd'];
  assert.match((await validate('validate', good, ...script)).stdout, /large\.ks:1:1: .*script_transport initrd/);
  assert.equal((await validate('validate', good, ...script, ...transport)).code, 0);
  const io = new RecordingIo({ TEMPORAL_ADDRESS: '127.0.0.1:1' });
  assert.equal(await run(['base_image', ...script, ...transport, good], io), 1);
  assert.match(io.stderr, /Temporal does not answer/);
});

test('an ending that cannot be seen is a warning with the parameter assume_poweroff', async () => {
  const including = ['--file-parameter', 'install_script', fileWith('including.ks', 'text\n%include /tmp/end\n')];
  const refused = await validate('validate', good, ...including);
  assert.equal(refused.code, 1);
  assert.match(refused.stdout, /including\.ks:2:1: .*this check cannot read.*assume_poweroff True/);
  for (const command of ['validate', 'base_image']) {
    const io = new RecordingIo({ TEMPORAL_ADDRESS: '127.0.0.1:1' });
    await run([command, good, ...including, '--parameter', 'assume_poweroff', 'True'], io);
    assert.match(io.stderr, /^warning: .*line 2: .*this check cannot read/, command);
    assert.doesNotMatch(io.stderr + io.stdout, /including\.ks:2:1/);
  }
});

test('validate fills the template’s values into the script, as a build does', async () => {
  const script = ['--file-parameter', 'install_script', fileWith('placeholder.ks', 'rootpw ${rootpw}\npoweroff\n')];
  assert.equal((await validate('validate', good, ...script)).code, 0);
  const { code, stdout } = await validate('validate', good, ...script, '--parameter', 'render_script', 'True');
  assert.equal(code, 1);
  assert.match(stdout, /placeholder\.ks:1:1: .*no <rootpw>/);
});

test('a template that no build can be planned from is not valid', async () => {
  const tree = fileWith(
    'tree.tdl',
    templateOf('<name>Debian</name><version>12</version>').replace(/http:[^<]*/, '/srv/debian'),
  );
  const { code, stdout } = await validate('validate', tree);
  assert.equal(code, 1);
  assert.match(stdout, /tree\.tdl:3:3: <url> is not an address/);
});

for (const [what, bytes, says] of [
  [
    'in Latin-1',
    Buffer.from('install\n# café\npoweroff\n', 'latin1'),
    /:2:6: the bytes at this place are not valid UTF-8/,
  ],
  ['in UTF-16', Buffer.from('\ufeffinstall\npoweroff\n', 'utf16le'), /:1:1: the file is in UTF-16: save it as UTF-8/],
  ['in UTF-16 without a mark', Buffer.from('install\npoweroff\n', 'utf16le'), /:1:1: the file is in UTF-16/],
] as const) {
  test(`a script ${what} is refused by every command, with its place`, async () => {
    const script = ['--file-parameter', 'install_script', fileWith('encoded.ks', bytes)];
    const { code, stdout } = await validate('validate', good, ...script);
    assert.equal(code, 1);
    assert.match(stdout, says);
    for (const line of [
      ['base_image', ...script, good],
      ['resume', UUID, ...script],
    ]) {
      const io = new RecordingIo({ TEMPORAL_ADDRESS: '127.0.0.1:1' });
      assert.equal(await run(line, io), 1);
      assert.match(io.stderr, says);
    }
  });
}

test('an install script is not called valid when no valid template tells which installer reads it', async () => {
  const garbage = fileWith('garbage.ks', 'garbage\n');
  const { code, stdout } = await validate('validate', broken, '--file-parameter', 'install_script', garbage);
  assert.equal(code, 1);
  assert.match(
    stdout,
    /garbage\.ks:1:1: not checked: without a valid template, the kind of the install script is not known\n$/,
  );
  const scripts: string[][] = [[], ['--file-parameter', 'install_script', garbage]];
  for (const script of scripts) {
    const io = new RecordingIo({ TEMPORAL_ADDRESS: '127.0.0.1:1' });
    assert.equal(await run(['--output', 'json', 'base_image', ...script, broken], io), 1);
    const { error } = JSON.parse(io.stdout) as { error: { files: FileReport[] } };
    assert.deepEqual(
      error.files.map(({ file }) => file),
      [broken],
    );
  }
});

test('the report of an invalid install script also has an entry for the valid template', async () => {
  const io = new RecordingIo({ TEMPORAL_ADDRESS: '127.0.0.1:1' });
  const line = ['--output', 'json', 'base_image', '--file-parameter', 'install_script', badScript, good];
  assert.equal(await run(line, io), 1);
  const { error } = JSON.parse(io.stdout) as { error: { files: FileReport[] } };
  assert.deepEqual(
    error.files.map(({ file, valid }) => [file, valid]),
    [
      [good, true],
      [badScript, false],
    ],
  );
});

test('validate and install-script warn of a release that is newer than the known ones', async () => {
  const newer = fileWith('newer.tdl', templateOf('<name>Fedora</name><version>99</version>'));
  for (const command of ['validate', 'install-script']) {
    const io = new RecordingIo();
    assert.equal(await run([command, newer], io), 0);
    assert.match(io.stderr, /^warning: .*newer than/, command);
  }
});

test('in JSON mode the document has an entry for each file, and an error when one is not valid', async () => {
  const { code, stdout } = await validate('--output', 'json', 'validate', good, broken, missing);
  assert.equal(code, 1);
  const { files: reports, error } = JSON.parse(stdout) as { files: FileReport[]; error: { message: string } };
  assert.equal(error.message, `there are mistakes in ${broken} and ${missing}`);
  assert.deepEqual(
    reports.map(({ file, valid, problems }) => [file, valid, problems.length > 0]),
    [
      [good, true, false],
      [broken, false, true],
      [missing, false, true],
    ],
  );
  for (const { problems } of reports) {
    for (const problem of problems) assert.deepEqual(Object.keys(problem).sort(), ['column', 'line', 'message']);
  }
});

test('only the install script can be checked besides templates', async () => {
  const { code } = await validate('validate', good, '--file-parameter', 'flavor', goodScript);
  assert.equal(code, 2);
});

test('base_image refuses what validate refuses, before it calls Temporal', async () => {
  const io = new RecordingIo({ TEMPORAL_ADDRESS: '127.0.0.1:1' });
  assert.equal(await run(['base_image', '--file-parameter', 'install_script', badScript, good], io), 1);
  assert.match(io.stderr, /bad\.ks:\d+:\d+: .*poweroff/);
  assert.match(io.stderr, /nothing was started/);
  const wrong = new RecordingIo({ TEMPORAL_ADDRESS: '127.0.0.1:1' });
  assert.equal(await run(['base_image', '--parameter', 'download', 'perhaps', good], wrong), 2);
  assert.match(wrong.stderr, /parameter download: "perhaps" is not a boolean/);
});

test('plugins lists the profiles, as a table and as JSON', async () => {
  const { code, stdout } = await validate('plugins');
  assert.equal(code, 0);
  assert.match(stdout, /^SYSTEM .*\n(.*\n)*Debian +12 .*installed\n(.*\n)*Fedora +37 to/);
  const read = async (...args: string[]): Promise<{ family: string; targets: unknown[] }[]> => {
    const document = JSON.parse((await validate('--output', 'json', 'plugins', ...args)).stdout) as {
      plugins: { family: string; targets: unknown[] }[];
    };
    return document.plugins;
  };
  const fedora = (await read()).find(({ family }) => family === 'fedora');
  assert.ok(fedora?.targets.some((target) => JSON.stringify(target) === '["Fedora",null,"x86_64"]'));
  assert.deepEqual(await read('--id', 'Fedora'), [fedora]);
  assert.equal((await validate('plugins', '--id', 'beos')).code, 1);
});

/** Runs the command line in its own process, because a test cannot replace its own standard input. */
function runWithInput(input: string, ...args: string[]): { status: number | null; stdout: string; stderr: string } {
  const main = fileURLToPath(new URL('../../../src/cli/main.ts', import.meta.url));
  return spawnSync(process.execPath, ['--import', 'tsx', main, ...args], { input, encoding: 'utf8' });
}

test('- is standard input: a good template is valid, nothing at all is not', () => {
  const template = readFileSync(good, 'utf8');
  const valid = runWithInput(template, 'validate', '-');
  assert.deepEqual([valid.status, valid.stdout], [0, '/dev/stdin: valid\n']);
  const nothing = runWithInput('', 'validate', '-');
  assert.deepEqual([nothing.status, nothing.stdout], [1, '/dev/stdin:1:1: the document is empty\n']);
  const script = runWithInput('install\nreboot\n', 'validate', good, '--file-parameter', 'install_script', '-');
  assert.equal(script.status, 1);
  assert.match(script.stdout, /^\/dev\/stdin:2:1: /m);
  const rendered = runWithInput(template, 'install-script', '-');
  assert.equal(rendered.status, 0);
  const broken = runWithInput('<template>', 'base_image', '-');
  assert.equal(broken.status, 1);
  assert.match(broken.stderr, /^\/dev\/stdin:1:/);
});

for (const [what, args, says] of [
  ['an empty path', [''], /the path of a file is empty/],
  ['standard input that is named twice', ['-', '--file-parameter', 'install_script', '-'], /named twice/],
] as const) {
  test(`validate refuses ${what} with exit code 2`, async () => {
    const io = new RecordingIo();
    assert.equal(await run(['validate', ...args], io), 2);
    assert.match(io.stderr, says);
  });
}

test('an empty install script is not valid', async () => {
  const empty = fileWith('empty.ks', '');
  const { code } = await validate('validate', good, '--file-parameter', 'install_script', empty);
  assert.equal(code, 1);
});
