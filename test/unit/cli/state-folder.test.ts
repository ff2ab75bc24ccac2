import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { readPayloadKeys } from '../../../src/codec/keys.js';
import { formatProcessMark } from '../../../src/cli/dev-server/process-mark.js';
import {
  FolderInUseError,
  lockStateFolder,
  makePayloadKeys,
  openStateFolder,
} from '../../../src/cli/local/state-folder.js';

const home = mkdtempSync(join(tmpdir(), 'imagefactory-state-'));
after(() => rmSync(home, { recursive: true }));

test('the state folder is in the XDG folder of the user, only its owner reads it, and a variable moves it', () => {
  const { path } = openStateFolder({ XDG_STATE_HOME: home });
  assert.equal(path, join(home, 'imagefactory'));
  assert.equal(statSync(path).mode & 0o777, 0o700);
  assert.equal(openStateFolder({ XDG_STATE_HOME: home, IMAGEFACTORY_STATE: join(home, 'x') }).path, join(home, 'x'));
});

test('a folder that cannot be created is one error, with what to do', () => {
  writeFileSync(join(home, 'file'), '');
  assert.throws(() => openStateFolder({ IMAGEFACTORY_STATE: join(home, 'file') }), {
    name: 'CommandError',
    hint: 'set IMAGEFACTORY_STATE to a folder that you can write',
  });
});

test('the payload keys of a state folder are made once, and only its owner reads them', () => {
  const folder = openStateFolder({ IMAGEFACTORY_STATE: join(home, 'keys') });
  makePayloadKeys(folder);
  const text = readFileSync(folder.payloadKeys, 'utf8');
  assert.equal(statSync(folder.payloadKeys).mode & 0o777, 0o600);
  assert.equal(readPayloadKeys(folder.payloadKeys).byId.size, 1);
  makePayloadKeys(folder);
  assert.equal(readFileSync(folder.payloadKeys, 'utf8'), text);
  assert.deepEqual(
    readdirSync(folder.path).filter((name) => name.startsWith('payload')),
    ['payload.keys'],
  );
});

test('one process can lock a state folder; the lock of a process that has ended does not count', async () => {
  const folder = openStateFolder({ IMAGEFACTORY_STATE: join(home, 'locked') });
  const other = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' });
  const mark = formatProcessMark(Number(other.pid));
  writeFileSync(join(folder.path, 'lock'), mark);
  assert.throws(
    () => lockStateFolder(folder),
    (error: unknown) => error instanceof FolderInUseError && error.pid === other.pid,
  );
  other.kill('SIGKILL');
  await once(other, 'exit');
  const unlock = lockStateFolder(folder);
  assert.throws(() => lockStateFolder(folder), FolderInUseError);
  unlock();
  // A process with the same pid that started at another time is another process.
  writeFileSync(join(folder.path, 'lock'), `${process.pid} 1\n`);
  lockStateFolder(folder)();
  assert.deepEqual(
    readdirSync(folder.path).filter((name) => name.startsWith('lock')),
    [],
  );
});
