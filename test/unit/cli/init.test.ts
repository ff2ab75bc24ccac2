import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { buildTable } from '../../../src/cli/command-table.js';
import { listCandidates } from '../../../src/cli/completion/complete.js';
import { run } from '../../../src/cli/cli.js';
import { listFirstBuildSystems } from '../../../src/client/index.js';
import { RecordingIo } from './recording-io.js';

const folders: string[] = [];
after(() => folders.forEach((folder) => rmSync(folder, { recursive: true })));

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'imagefactory-init-'));
  folders.push(folder);
  return folder;
}

async function call(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const io = new RecordingIo();
  return { code: await run(args, io), stdout: io.stdout, stderr: io.stderr };
}

/** The words of the `base_image` command that `init` says to paste. */
function pasted(stderr: string): string[] {
  return (/imagefactory base_image --local (.*)/.exec(stderr)?.[1] ?? '').split(' ');
}

for (const system of listFirstBuildSystems()) {
  test(`the files for ${system} are valid, and the printed command names them`, async () => {
    const folder = newFolder();
    const { code, stdout, stderr } = await call('init', system, '--directory', folder);
    assert.equal(code, 0, stderr);
    const files = stdout.trim().split('\n');
    assert.deepEqual(files.map((file) => file.slice(folder.length + 1)).sort(), readdirSync(folder).sort());
    // `validate` takes the words of the command.
    const validated = await call('validate', ...pasted(stderr));
    assert.equal(validated.code, 0, validated.stdout + validated.stderr);
    assert.equal(validated.stdout.match(/: valid$/gm)?.length, 2, validated.stdout);
    assert.doesNotMatch(validated.stderr, /warning/);
    const template = readFileSync(join(folder, `${system}.tdl`), 'utf8');
    assert.equal(template.includes('example.org'), stderr.includes('write into <iso>'), 'a medium of one’s own');
  });
}

test('init takes the flavor into the parameters, and says what size it must have', async () => {
  const folder = newFolder();
  const { stderr } = await call('init', 'debian-12', '--directory', folder, '--flavor', 'big');
  const parameters = JSON.parse(readFileSync(join(folder, 'debian-12.parameters.json'), 'utf8')) as object;
  assert.deepEqual(parameters, {
    flavor: 'big',
    request_floating_ip: true,
    default_user: 'debian',
    command_prefix: 'sudo',
  });
  assert.match(stderr, /The flavor big must have at least 10 GiB of disk and 1024 MiB of memory/);
  assert.match(stderr, new RegExp(`imagefactory base_image --local --parameters ${folder}/debian-12.parameters.json`));
});

test('init overwrites no file unless it is told to, and then leaves none of its own behind', async () => {
  const folder = newFolder();
  writeFileSync(join(folder, 'debian-12.preseed'), 'mine');
  const { code, stderr } = await call('init', 'debian-12', '--directory', folder);
  assert.equal(code, 2);
  assert.match(stderr, /debian-12\.preseed: this command overwrites no file\n.*--force/);
  assert.deepEqual(readdirSync(folder), ['debian-12.preseed']);
  assert.equal(readFileSync(join(folder, 'debian-12.preseed'), 'utf8'), 'mine');
  assert.equal((await call('init', 'debian-12', '--directory', folder, '--force')).code, 0);
  assert.notEqual(readFileSync(join(folder, 'debian-12.preseed'), 'utf8'), 'mine');
});

test('init makes a new password for each template that needs one, in files that only their owner reads', async () => {
  const [one, two] = [newFolder(), newFolder()];
  for (const folder of [one, two]) await call('init', 'windows-2025', '--directory', folder);
  const read = (folder: string): string => readFileSync(join(folder, 'windows-2025.tdl'), 'utf8');
  assert.notEqual(read(one), read(two));
  for (const name of ['windows-2025.tdl', 'windows-2025.autounattend.xml'])
    assert.equal(statSync(join(one, name)).mode & 0o077, 0, name);
});

test('init --force gives a password no file that other users read, and leaves no other file behind', async () => {
  const folder = newFolder();
  const names = ['windows-2025.autounattend.xml', 'windows-2025.parameters.json', 'windows-2025.tdl'];
  for (const name of names) writeFileSync(join(folder, name), 'old', { mode: 0o644 });
  assert.equal((await call('init', 'windows-2025', '--directory', folder, '--force')).code, 0);
  assert.deepEqual(readdirSync(folder).sort(), names);
  for (const name of names) assert.notEqual(readFileSync(join(folder, name), 'utf8'), 'old');
  for (const name of ['windows-2025.tdl', 'windows-2025.autounattend.xml'])
    assert.equal(statSync(join(folder, name)).mode & 0o077, 0, name);
});

test('init --force leaves no file of its own behind when it fails', async () => {
  const folder = newFolder();
  mkdirSync(join(folder, 'debian-12.preseed'));
  const { code, stderr } = await call('init', 'debian-12', '--directory', folder, '--force');
  assert.equal(code, 1);
  assert.match(stderr, /the files cannot be written: /);
  assert.deepEqual(
    readdirSync(folder).filter((name) => !/\.(tdl|json|preseed)$/.test(name)),
    [],
  );
});

test('init lists its systems, and says which one may be meant', async () => {
  assert.deepEqual((await call('init', '--list')).stdout.trim().split('\n'), listFirstBuildSystems());
  assert.deepEqual(JSON.parse((await call('--output', 'json', 'init')).stdout), { systems: listFirstBuildSystems() });
  const { code, stderr } = await call('init', 'debian-21');
  assert.equal(code, 1);
  assert.match(
    stderr,
    /no files for a first build of "debian-21"\n {2}did you mean debian-1\d\? The systems are debian-12/,
  );
});

test('init prints one document in JSON mode, with the files and the command', async () => {
  const folder = newFolder();
  const { stdout } = await call('--output', 'json', 'init', 'rhel-9', '--directory', folder);
  const document = JSON.parse(stdout) as { files: string[]; changes: string[]; command: string; needs: object };
  assert.equal(document.files.length, 3);
  assert.match(document.changes.join(), /^In rhel-9\.tdl, write into <iso>: the address of your full medium/);
  assert.match(document.command, /^imagefactory base_image /);
  assert.deepEqual(document.needs, { memory: 2048, disk: 10 });
});

test('behind init the names of the systems are completed', () => {
  const candidates = listCandidates(['init', ''], buildTable(), () => []);
  assert.deepEqual(
    candidates.map(({ value }) => value),
    listFirstBuildSystems(),
  );
});
