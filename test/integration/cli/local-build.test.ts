import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { before, describe, it, type TestContext } from 'node:test';
import { findMarkedProcess } from '../../../src/cli/dev-server/process-mark.js';
import { FakeCloud } from '../../fakes/openstack/fake-cloud.js';
import { MEDIA_ADDRESSES, MediaServer } from '../../fakes/openstack/media-server.js';
import { builtProgram } from '../../support/built-program.js';
import { temporalProgram } from '../../support/temporal.js';
import { imagesIn, leftoversIn, PRESEED } from '../../support/test-env.js';
import { until } from '../../support/until.js';

const UUID = /[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/;
/** A line that comes while the installer runs: the build has then an instance, and much to do. */
const INSTALLING = /wait until the installer powers its machine off/;

/** A call of `imagefactory base_image --local`, in its own process. */
class LocalBuild {
  stdout = '';
  stderr = '';
  readonly ended: Promise<number | string>;

  constructor(readonly child: ChildProcess) {
    child.stdout?.setEncoding('utf8').on('data', (text: string) => (this.stdout += text));
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (this.stderr += text));
    this.ended = once(child, 'close').then(([code, signal]) => (code ?? signal) as number | string);
  }

  /** Waits until the standard error matches. Fails when the process has ended before. */
  async seen(pattern: RegExp): Promise<void> {
    await until(() => {
      if (pattern.test(this.stderr)) return true;
      if (this.child.exitCode !== null) assert.fail(`ended without ${String(pattern)}:\n${this.stderr}`);
      return false;
    }, String(pattern));
  }

  get uuid(): string {
    return UUID.exec(this.stderr)?.[0] ?? '';
  }

  /** Ends the process as the kernel does when no memory is left. */
  async kill(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.ended;
  }
}

/** A state folder and a cloud of their own, in which a test calls `imagefactory base_image --local`. */
class LocalUser {
  private readonly calls: LocalBuild[] = [];

  private constructor(
    readonly cloud: FakeCloud,
    private readonly media: MediaServer,
    private readonly folder: string,
    private readonly program: string,
  ) {}

  static async start(t: TestContext, program: string): Promise<LocalUser> {
    const options = { speedUp: 300, consoleWhenOff: true };
    const [cloud, media] = await Promise.all([FakeCloud.start(options), MediaServer.start()]);
    const user = new LocalUser(cloud, media, mkdtempSync(join(tmpdir(), 'imagefactory-local-')), program);
    t.after(() => user.close());
    return user;
  }

  /** The pid of the Temporal server in the state folder; undefined when none runs. */
  get serverProcess(): number | undefined {
    const file = join(this.folder, 'state', 'temporal', 'temporal.pid');
    return existsSync(file) ? findMarkedProcess(readFileSync(file, 'utf8')) : undefined;
  }

  /** Checks whether a text is in the files of Temporal's database. */
  isInDatabase(text: string): boolean {
    const folder = join(this.folder, 'state', 'temporal');
    const files = readdirSync(folder).filter((name) => name.startsWith('temporal.db'));
    return files.some((name) => readFileSync(join(folder, name)).includes(text));
  }

  build(): LocalBuild {
    const [template, preseed] = [join(this.folder, 'tiny.tdl'), join(this.folder, 'tiny.preseed')];
    writeFileSync(preseed, PRESEED);
    writeFileSync(
      template,
      `<template><name>tiny</name><os><name>Debian</name><version>12</version><arch>x86_64</arch>
<install type="url"><url>${this.media.debianUrl}</url></install></os></template>`,
    );
    const parameters = { flavor: 'm1.small', default_user: 'debian', command_prefix: 'sudo' };
    const words = Object.entries(parameters).flatMap(([key, value]) => ['--parameter', key, value]);
    const script = ['--file-parameter', 'install_script', preseed];
    const others = Object.entries(process.env).filter(([key]) => !/^(OS_|TEMPORAL_)/.test(key));
    const child = spawn(process.execPath, [this.program, 'base_image', '--local', ...words, ...script, template], {
      env: {
        ...Object.fromEntries(others),
        ...this.cloud.env(),
        TEMPORAL_CLI: temporalProgram(),
        // It must not matter to which server the user's own configuration leads.
        TEMPORAL_ADDRESS: '127.0.0.1:1',
        TEMPORAL_NAMESPACE: 'nowhere',
        IMAGEFACTORY_STATE: join(this.folder, 'state'),
        IMAGEFACTORY_ALLOW_ADDRESSES: MEDIA_ADDRESSES.join(','),
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const call = new LocalBuild(child);
    this.calls.push(call);
    return call;
  }

  private async close(): Promise<void> {
    for (const call of this.calls) await call.kill();
    if (this.serverProcess !== undefined) process.kill(this.serverProcess, 'SIGKILL');
    await Promise.all([this.cloud.close(), this.media.close()]);
    rmSync(this.folder, { recursive: true, force: true });
  }
}

// Most of the time, the tests wait until Temporal notices that a killed worker is gone. So they wait together.
describe('base_image --local', { timeout: 540_000, concurrency: true }, () => {
  // The built program, because its workflows are bundled already: each call would take half a minute to bundle them.
  let program: string;
  before(async () => {
    program = await builtProgram();
  });

  for (const [what, alsoKillsServer] of [
    ['a build whose process was killed', false],
    ['a build that was killed together with its Temporal server', true],
  ] as const) {
    it(`goes on with ${what}, and installs once`, async (t) => {
      const user = await LocalUser.start(t, program);
      const first = user.build();
      await first.seen(INSTALLING);
      await first.kill();
      assert.ok(user.serverProcess, 'a killed command cannot stop its server');
      assert.ok(user.isInDatabase(first.uuid));
      assert.ok(!user.isInDatabase('d-i debian-installer'), 'what the build was started with is encrypted');
      if (alsoKillsServer) process.kill(user.serverProcess, 'SIGKILL');
      const second = user.build();
      assert.equal(await second.ended, 0, second.stderr);
      const goesOn = `Build ${first.uuid} of tiny\\.tdl was interrupted: it goes on, and no new build starts`;
      assert.match(second.stderr, new RegExp(goesOn));
      assert.match(second.stdout, new RegExp(`UUID: ${first.uuid}\n(.*\n)*Image build completed SUCCESSFULLY!`));
      assert.equal(user.serverProcess, undefined);
      assert.deepEqual(leftoversIn(user.cloud), []);
      assert.deepEqual(
        ['jeos', 'base'].map((role) => imagesIn(user.cloud, role).length),
        [1, 1],
      );
    });
  }

  it('cancels the build at Ctrl-C and cleans up; a second call meanwhile is refused', async (t) => {
    const user = await LocalUser.start(t, program);
    // An installation that ends before the Ctrl-C keeps its JEOS, and then there is nothing to remove.
    user.cloud.behaviours.add({ installer: 'never-off' });
    const first = user.build();
    await first.seen(INSTALLING);
    const second = user.build();
    assert.equal(await second.ended, 1);
    assert.match(second.stderr, new RegExp(`another .* runs: process ${first.child.pid}\n.*payload\\.keys watch UUID`));
    first.child.kill('SIGINT');
    assert.equal(await first.ended, 130, first.stderr);
    assert.equal(first.stdout, '\nImage build CANCELED\n');
    assert.match(first.stderr, /Removed: /);
    assert.equal(user.serverProcess, undefined);
    assert.deepEqual(leftoversIn(user.cloud), []);
    assert.deepEqual(imagesIn(user.cloud, 'base'), []);
  });

  it('leaves a clean-up to the next call at the second Ctrl-C; that call finishes it and builds anew', async (t) => {
    const user = await LocalUser.start(t, program);
    const first = user.build();
    await first.seen(INSTALLING);
    const allowRemoval = user.cloud.faults.add({
      kind: 'status',
      status: 503,
      match: { service: 'compute', method: 'DELETE', path: /\/servers\// },
      times: Infinity,
    });
    first.child.kill('SIGINT');
    await first.seen(/Cancelling build/);
    first.child.kill('SIGINT');
    assert.equal(await first.ended, 130, first.stderr);
    assert.match(first.stderr, /The next `imagefactory base_image --local` goes on/);
    assert.equal(first.stdout, '');
    allowRemoval();
    const second = user.build();
    assert.equal(await second.ended, 0, second.stderr);
    assert.match(second.stdout, /Image build completed SUCCESSFULLY!/);
    assert.deepEqual(leftoversIn(user.cloud), []);
  });
});
