import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { resumeBuild } from '../../../src/client/resume.js';
import { connectImageFactory } from '../../../src/client/connection.js';
import { run } from '../../../src/cli/cli.js';
import { RecordingIo } from '../../unit/cli/recording-io.js';
import { TestEnv, type Build } from '../../support/test-env.js';

describe('a build of a system whose OpenSSH is older than 6.5', () => {
  let env: TestEnv;
  before(async () => {
    env = await TestEnv.start();
  });
  after(() => env.close());

  /** Starts a build whose command fails, and waits until the build is held. Its instance then still exists. */
  async function held(version: string): Promise<Build> {
    const body = `<commands><command name='c'>test -e /tmp/looked</command></commands>`;
    const build = await env.build(env.template({ name: `old-${version}`, version, body }), { on_error: 'hold' });
    await build.held();
    return build;
  }

  async function documentOf(build: Build, name: string): Promise<{ publicKey: string }> {
    return JSON.parse(await readFile(join(env.storage, `${build.uuid}.d`, name), 'utf8')) as { publicKey: string };
  }

  function keyInNova(build: Build): string | undefined {
    return env.cloud.state.keyPairs.get(`imagefactory-key-${build.uuid}`)?.public_key;
  }

  it('has one RSA key for Nova and the guest, and `imagefactory ssh` can log in', async () => {
    env.cloud.behaviours.add({ match: { boots: 'disk' }, times: 1, guest: { oldSsh: true } });
    const build = await held('7');
    assert.match(keyInNova(build) ?? '', /^ssh-rsa /);
    assert.equal(keyInNova(build), (await documentOf(build, 'login_key.json')).publicKey);
    assert.match((await documentOf(build, 'host_key.json')).publicKey, /^ssh-rsa /);
    const io = new RecordingIo(env.variables());
    const code = await run(['--task-queue', env.taskQueue, 'ssh', build.uuid, '--', 'touch /tmp/looked; exit 5'], io);
    assert.equal(code, 5, io.stderr);
    await goesOn(build);
  });

  it('trusts the host key that a guest has created itself, because the guest prints it on its console', async () => {
    env.cloud.behaviours.add({ match: { boots: 'disk' }, times: 1, guest: { oldSsh: true, takesHostKey: false } });
    const build = await env.build(env.template({ name: 'own-host-key', version: '7' }));
    await build.result();
  });

  it('leaves a newer system its ed25519 keys', async () => {
    const build = await held('8');
    assert.match(keyInNova(build) ?? '', /^ssh-ed25519 /);
    assert.match((await documentOf(build, 'host_key.json')).publicKey, /^ssh-ed25519 /);
    const io = new RecordingIo(env.variables());
    assert.equal(await run(['--task-queue', env.taskQueue, 'ssh', build.uuid, '--', 'touch /tmp/looked'], io), 0);
    await goesOn(build);
  });

  async function goesOn(build: Build): Promise<void> {
    const factory = await connectImageFactory({ env: env.variables(), taskQueue: env.taskQueue });
    try {
      await resumeBuild(factory, build.uuid, {});
      await build.result();
    } finally {
      await factory.close();
    }
    assert.deepEqual(env.leftovers(), []);
  }
});
