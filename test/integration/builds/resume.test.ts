import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { connectImageFactory, type ImageFactoryClient } from '../../../src/client/connection.js';
import { waitForOutcome } from '../../../src/client/outcome.js';
import { abortBuild, resumeBuild, type ResumeOptions } from '../../../src/client/resume.js';
import { readExpiry } from '../../../src/domain/names.js';
import { run } from '../../../src/cli/cli.js';
import { RecordingIo } from '../../unit/cli/recording-io.js';
import type { FakeVolume } from '../../fakes/openstack/state.js';
import { TestEnv, type Build } from '../../support/test-env.js';
import { until } from '../../support/until.js';

/** Returns a template body in which each text is one command. */
function bodyOf(...commands: string[]): string {
  const elements = commands.map((text, index) => `<command name="c${index + 1}">${text}</command>`);
  return `<commands>${elements.join('')}</commands>`;
}

const NOTE = (word: string): string => `echo ${word} >> /root/order`;
/** Returns a command that succeeds only if /root/order contains exactly these words, in this order. */
const RAN = (...words: string[]): string => `test "$(cat /root/order | tr '\\n' ' ')" = "${words.join(' ')} "`;

describe('a build whose step has failed', () => {
  let env: TestEnv;
  let factory: ImageFactoryClient;
  before(async () => {
    env = await TestEnv.start();
    factory = await connectImageFactory({ env: env.variables(), taskQueue: env.taskQueue });
  });
  after(async () => {
    await factory.close();
    await env.close();
  });

  function serversMade(): number {
    return env.cloud.calls.count({ service: 'compute', method: 'POST', path: /\/servers$/ });
  }

  interface Change extends Omit<ResumeOptions, 'template' | 'parameters'> {
    template?: string;
    parameters?: Record<string, unknown>;
  }

  async function resume(build: Build, { template, ...options }: Change = {}): Promise<void> {
    const change = template === undefined ? {} : { template: { text: template } };
    await resumeBuild(factory, build.uuid, { ...options, ...change });
  }

  function volumesOf({ uuid }: Build): FakeVolume[] {
    return [...env.cloud.state.volumes.values()].filter(({ name }) => name?.endsWith(uuid));
  }

  /** Waits for the end of the build's newest run, and asserts that the build is complete. */
  async function result(build: Build): Promise<void> {
    const outcome = await waitForOutcome(factory, build.uuid);
    assert.equal(outcome.status, 'COMPLETE', 'failure' in outcome ? outcome.failure.message : '');
  }

  describe('and that is held', () => {
    it('goes on with a corrected template, on the same instance, and runs nothing twice', async () => {
      const template = (second: string): string =>
        env.template({ name: 'held', body: bodyOf(NOTE('one'), second, RAN('one', 'two')) });
      const made = serversMade();
      const build = await env.build(template('exit 3'), { on_error: 'hold' });
      const waiting = await build.held();
      assert.equal(waiting.step, 'command:2 c2');
      assert.match(waiting.message, /exit status 3/);
      assert.equal(waiting.skippable, true);
      assert.equal(waiting.until - waiting.since, 86_400_000);
      await resume(build, { template: template(NOTE('two')) });
      await result(build);
      assert.equal(serversMade() - made, 2);
      assert.deepEqual(env.leftovers(), []);
      assert.equal((await build.record()).status, 'COMPLETE');
      assert.match((await build.record()).template, /echo two/);
    });

    it('tries a step again each time that it is resumed', async () => {
      const command = `${NOTE('try')}; test $(wc -l &lt; /root/order) -ge 3`;
      const build = await env.build(env.template({ name: 'again', body: bodyOf(command) }), { on_error: 'hold' });
      const first = await build.held();
      await resume(build);
      await until(async () => (await build.held()).since !== first.since, 'it is held again');
      await resume(build);
      await result(build);
    });

    it('skips a step, and also one that the new template no longer has', async () => {
      const template = env.template({ name: 'skip', body: bodyOf(NOTE('one'), 'exit 3', RAN('one')) });
      const build = await env.build(template, { on_error: 'hold' });
      await build.held();
      await resume(build, { skip: true });
      await result(build);
      const status = await build.status();
      assert.equal(status.steps.find(({ name }) => name === 'command:2 c2')?.state, 'skipped');

      const other = await env.build(env.template({ name: 'gone', body: bodyOf(NOTE('one'), 'exit 3') }), {
        on_error: 'hold',
      });
      await other.held();
      await resume(other, { template: env.template({ name: 'gone', body: bodyOf(NOTE('one')) }) });
      await result(other);
    });

    it('refuses changes of what has already run, names it, and stays held', async () => {
      const template = (first: string, version = '12'): string =>
        env.template({ name: 'refused', version, body: bodyOf(first, 'exit 3') });
      const build = await env.build(template(NOTE('one')), { on_error: 'hold' });
      await build.held();
      await assert.rejects(resume(build, { template: template(NOTE('other')) }), {
        message: /command:1 c1 \(run command c1\) has already run, but is changed in the template$/,
      });
      const before = env.template({
        name: 'refused',
        body: `<files><file name="/f">x</file></files>${bodyOf(NOTE('one'), 'exit 3')}`,
      });
      await assert.rejects(resume(build, { template: before }), {
        message: /command:1 c1 .* has already run, but the template has file:1 \/f \(write \/f\) in its place$/,
      });
      await assert.rejects(resume(build, { template: template(NOTE('one'), '11') }), {
        message: /the operating system is already installed/,
      });
      await assert.rejects(resume(build, { parameters: { flavor: 'm1.tiny' } }), {
        message: /parameter flavor is changed, but step customise\.create has already used it/,
      });
      await assert.rejects(resume(build, { parameters: { flavour: 'x' } }), { message: /no parameter "flavour"/ });
      await assert.rejects(resume(build, { template: '<template/>' }), { message: /tiny\.tdl:1:1/ });
      await assert.rejects(resume(build, { from: 'customise' }), {
        message: /is held: it can only continue at the step/,
      });
      await build.held();
      await abortBuild(factory, build.uuid);
      assert.match((await build.failure()).message, /exit status 3/);
      assert.deepEqual(env.leftovers(), []);
    });

    it('refuses a step that would never run, because the customisation is over', async () => {
      const template = (...more: string[]): string =>
        env.template({ name: 'late', body: bodyOf(NOTE('one'), ...more) });
      const forget = env.cloud.behaviours.add({ match: { boots: 'disk' }, snapshot: 'deleted' });
      const build = await env.build(template(), { on_error: 'hold' });
      assert.equal((await build.held()).step, 'base.snapshot');
      await assert.rejects(resume(build, { template: template(NOTE('two')) }), {
        message: /command:2 c2 \(run command c2\) is new in the template, but the build has already finished the steps/,
      });
      forget();
      await resume(build, { template: template() });
      await result(build);
    });

    it('refuses a new image_name or generate_icicle when their steps have already run', async () => {
      const forget = env.cloud.faults.add({
        kind: 'status',
        status: 403,
        match: { service: 'image', method: 'GET', path: /\/file$/ },
        times: Infinity,
      });
      const build = await env.build(env.template({ name: 'named' }), { on_error: 'hold', download: true });
      assert.equal((await build.held()).step, 'download');
      await assert.rejects(resume(build, { parameters: { image_name: 'other' } }), {
        message: /parameter image_name is changed, but step base\.publish has already used it/,
      });
      await assert.rejects(resume(build, { parameters: { generate_icicle: 'False' } }), {
        message: /parameter generate_icicle is changed, but step clean has already used it/,
      });
      forget();
      await resume(build);
      await result(build);
    });

    it('accepts another default_user when no SSH login has succeeded', async () => {
      const build = await env.build(env.template({ name: 'user' }), {
        on_error: 'hold',
        default_user: 'nobody-there',
        boot_timeout: 3,
      });
      assert.equal((await build.held()).step, 'ssh');
      await assert.rejects(resume(build, { skip: true }), { message: /ssh cannot be skipped/ });
      await resume(build, { parameters: { default_user: 'debian', boot_timeout: '600' } });
      await result(build);
    });

    it('tries a failed installation again', async () => {
      env.cloud.behaviours.add({
        match: { boots: 'installer' },
        create: 'error',
        fault: 'Build of instance was aborted: no disk',
      });
      const build = await env.build(env.template({ name: 'reinstall', version: '10' }), { on_error: 'hold' });
      assert.equal((await build.held()).step, 'jeos');
      env.cloud.behaviours.clear();
      await resume(build);
      await result(build);
      assert.deepEqual(env.leftovers(), []);
    });

    it('cleans up when hold_for is over, and when it is cancelled', async () => {
      const failing = env.template({ name: 'nobody', body: bodyOf('exit 3') });
      const build = await env.build(failing, { on_error: 'hold', hold_for: 1 });
      assert.match((await build.failure()).message, /exit status 3/);
      const other = await env.build(failing, { on_error: 'hold' });
      await other.held();
      await other.handle.cancel();
      await assert.rejects(other.result());
      assert.equal((await other.status()).status, 'CANCELED');
      assert.deepEqual(env.leftovers(), []);
    });

    it('does not count the hold in the timeout of the build', async () => {
      const template = (command: string): string => env.template({ name: 'time', body: bodyOf(command) });
      await (await env.build(env.template({ name: 'time' }))).result();
      const build = await env.build(template('exit 3'), { on_error: 'hold', timeout: 20 });
      await build.held();
      const { startedAt } = await build.status();
      await until(async () => {
        assert.notEqual((await build.status()).held, undefined, 'the build is no longer held');
        return Date.now() - startedAt > 21_000;
      }, 'the hold is longer than the timeout');
      await resume(build, { template: template('true') });
      await result(build);
    });

    it('allows a login over SSH for as long as the session lasts', async () => {
      const check = '! grep -q imagefactory-session /home/*/.ssh/authorized_keys; test -e /tmp/looked';
      const build = await env.build(env.template({ name: 'ssh', body: bodyOf(check) }), { on_error: 'hold' });
      assert.equal((await build.held()).hasGuest, true);
      const io = new RecordingIo(env.variables());
      const code = await run(['--task-queue', env.taskQueue, 'ssh', build.uuid, '--', 'touch /tmp/looked; exit 5'], io);
      assert.equal(code, 5, io.stderr);
      await resume(build, { parameters: { on_error: 'cleanup' } });
      await result(build);
      const again = new RecordingIo(env.variables());
      assert.equal(await run(['--task-queue', env.taskQueue, 'ssh', build.uuid], again), 1);
      assert.match(again.stderr, /is not held: it is COMPLETE/);
    });

    it('is not resumed when it is not held', async () => {
      const build = await env.build(env.template({ name: 'running' }), { on_error: 'hold' });
      await build.reaches('customise.create');
      await assert.rejects(resume(build), { message: /is not held/ });
      await assert.rejects(abortBuild(factory, build.uuid), { message: /is not held/ });
      await build.result();
      await assert.rejects(resume(build), { message: /has an image/ });
    });
  });

  describe('and that has ended', () => {
    it('starts again from its JEOS, under its UUID', async () => {
      const template = (command: string): string => env.template({ name: 'ended', body: bodyOf(command) });
      const parameters = { reuse_jeos: false };
      const build = await env.build(template('exit 3'), parameters);
      await build.failure();
      assert.deepEqual(env.leftovers(), []);
      const made = serversMade();
      await resume(build, { template: template('true') });
      await result(build);
      assert.equal(serversMade() - made, 1, 'the installer ran a second time');
      assert.equal((await build.record()).status, 'COMPLETE');
      assert.deepEqual(env.leftovers(), []);
    });

    it('goes on with the instance that it has kept, in which nothing runs twice', async () => {
      const template = (second: string): string =>
        env.template({ name: 'kept', body: bodyOf(NOTE('one'), second, RAN('one', 'two')) });
      const build = await env.build(template('exit 3'), { on_error: 'keep', keep_for: 3600 });
      await build.failure();
      const { kept } = await build.status();
      const server = [...env.cloud.state.servers.values()].find(({ name }) => name.endsWith(build.uuid));
      assert.match(kept?.resources.join() ?? '', new RegExp(`instance ${server?.id}`));
      const expires = readExpiry({ marks: server?.metadata ?? {} }) ?? 0;
      assert.ok(Math.abs(expires - (kept?.until ?? 0)) < 1000);
      const made = serversMade();
      await resume(build, { template: template(NOTE('two')) });
      await result(build);
      assert.equal(serversMade() - made, 0);
      assert.deepEqual(env.leftovers(), []);
    });

    describe('with other files', () => {
      const keep = { on_error: 'keep', keep_for: 3600 };
      const noteOf = async (build: Build): Promise<string> =>
        (await build.status()).steps.find(({ name }) => name === 'resume-point')?.note ?? '';

      it('begins with a new instance when a step that has run in the kept one is changed', async () => {
        const template = (first: string, last: string): string =>
          env.template({ name: 'changed', body: bodyOf(first, last) });
        const build = await env.build(template(NOTE('one'), 'exit 3'), keep);
        await build.failure();
        const made = serversMade();
        await resume(build, { template: template(NOTE('other'), RAN('other')) });
        await result(build);
        assert.equal(serversMade() - made, 1);
        assert.match(await noteOf(build), /command:1 c1 has run in it, and has changed since/);
        assert.deepEqual(env.leftovers(), []);
      });

      it('begins with a new instance when a step that has run in the kept one is no longer in the template', async () => {
        const template = (...commands: string[]): string => env.template({ name: 'gone', body: bodyOf(...commands) });
        const build = await env.build(template(NOTE('one'), NOTE('two'), 'exit 3'), keep);
        await build.failure();
        await resume(build, { template: template(NOTE('one')) });
        await result(build);
        assert.match(await noteOf(build), /command:2 c2 has run in it, and is gone/);
        assert.deepEqual(env.leftovers(), []);
      });

      it('runs a changed step again in the kept instance when --from names that step', async () => {
        const template = (second: string, last: string): string =>
          env.template({ name: 'redone', body: bodyOf(NOTE('one'), second, last) });
        const build = await env.build(template(NOTE('two'), 'exit 3'), keep);
        await build.failure();
        const made = serversMade();
        const redone = template(NOTE('too'), RAN('one', 'two', 'too'));
        await resume(build, { template: redone, from: 'command:2 c2' });
        await result(build);
        assert.equal(serversMade() - made, 0);
      });

      it('installs another system, and does not go on in an instance of the previous system', async () => {
        const template = (version: string, last: string): string =>
          env.template({ name: 'system', version, body: bodyOf(NOTE('one'), last) });
        const build = await env.build(template('12', 'exit 3'), keep);
        await build.failure();
        const made = serversMade();
        await resume(build, { template: template('11', RAN('one')), parameters: { reuse_jeos: 'False' } });
        await result(build);
        assert.equal(serversMade() - made, 2);
        assert.match(await noteOf(build), /is removed: .* another installed system/);
        const { glance_id: base } = await build.record();
        assert.equal(env.cloud.state.images.get(base ?? '')?.properties['os_version'], '11');
        assert.deepEqual(env.leftovers(), []);
      });

      it('does not wait for the installation of the previous system, although it still runs for this build', async () => {
        const template = (version: string): string => env.template({ name: 'installs', version });
        const forget = env.cloud.behaviours.add({ match: { boots: 'installer' }, installer: 'never-off', times: 1 });
        const build = await env.build(template('12'), { reuse_jeos: false });
        const before = await build.installer();
        await before.reaches('installer.wait');
        await build.handle.terminate('by a test');
        forget();
        await resume(build, { template: template('11') });
        await result(build);
        const { jeos } = await build.record();
        assert.equal(env.cloud.state.images.get(jeos?.glance_id ?? '')?.properties['imagefactory_jeos'], jeos?.digest);
        await before.handle.cancel();
        await assert.rejects(before.result());
        assert.deepEqual(env.leftovers(), []);
      });

      it('begins with a new instance when the worker died before it recorded the kept one', async () => {
        const template = (last: string): string => env.template({ name: 'unknown', body: bodyOf(NOTE('one'), last) });
        const build = await env.build(template('exit 3'), keep);
        await build.failure();
        await rm(join(env.storage, `${build.uuid}.d`, 'guest.json'));
        await resume(build, { template: template(RAN('one')) });
        await result(build);
        assert.match(await noteOf(build), /is removed: there is no record of what it was made from/);
        assert.deepEqual(env.leftovers(), []);
      });

      it('boots a new instance when the parameters require a different one', async () => {
        const template = (last: string): string => env.template({ name: 'asked', body: bodyOf(NOTE('one'), last) });
        const build = await env.build(template('exit 3'), keep);
        await build.failure();
        await resume(build, { template: template(RAN('one')), parameters: { root_disk: 'volume' } });
        await result(build);
        assert.match(await noteOf(build), /is removed: .*disk/);
        assert.deepEqual(env.leftovers(), []);
      });

      it('makes no image of a snapshot that was taken of another template', async () => {
        const template = (word: string): string => env.template({ name: 'taken', body: bodyOf(NOTE(word), RAN(word)) });
        const build = await env.build(template('one'));
        await build.reaches('base.publish');
        await build.handle.terminate('by a test');
        await resume(build, { template: template('other') });
        await result(build);
        assert.equal(env.images('base').filter(({ name }) => name === 'taken-base').length, 1);
        assert.match(await noteOf(build), /snapshot .* is removed: it was made with another template/);
        assert.deepEqual(env.leftovers(), []);
      });

      it('uses the files and parameters that it got while it was held', async () => {
        const template = (...commands: string[]): string => env.template({ name: 'given', body: bodyOf(...commands) });
        const build = await env.build(template(NOTE('one'), 'exit 3'), { on_error: 'hold' });
        await build.held();
        const corrected = template(NOTE('one'), NOTE('two'), 'exit 4');
        await resume(build, { template: corrected, parameters: { ...keep, image_name: 'given' } });
        assert.match((await build.failure()).message, /exit status 4/);
        await assert.rejects(resume(build, { parameters: { flavour: 'x' } }), { message: /no parameter "flavour"/ });
        await resume(build);
        await assert.rejects(result(build), { message: /exit status 4/ });
        await resume(build, { template: template(NOTE('one'), NOTE('two'), RAN('one', 'two')) });
        await result(build);
        assert.equal((await build.record()).parameters['image_name'], 'given');
        assert.deepEqual(env.leftovers(), []);
      });
    });

    it('goes on at the step in which it was terminated', async () => {
      const body = bodyOf(NOTE('one'), `${NOTE('two')}; sleep 1`, RAN('one', 'two'));
      const build = await env.build(env.template({ name: 'terminated', body }), { reuse_jeos: false });
      const made = serversMade();
      await build.reaches('command:2 c2');
      await build.handle.terminate('by a test');
      await resume(build);
      await result(build);
      assert.equal(serversMade() - made, 2);
      assert.deepEqual(env.leftovers(), []);
    });

    it('goes on with a snapshot that was taken before it was terminated', async () => {
      const build = await env.build(env.template({ name: 'snapshot' }));
      const made = serversMade();
      await build.reaches('base.publish');
      await build.handle.terminate('by a test');
      await resume(build);
      await result(build);
      assert.ok(serversMade() - made <= 2);
      assert.equal(env.images('base').filter(({ name }) => name === 'snapshot-base').length, 1);
      assert.deepEqual(env.leftovers(), []);
    });

    it('starts again at the step that --from names', async () => {
      const template = env.template({ name: 'from', body: bodyOf(NOTE('one'), NOTE('two'), 'test -e /root/go') });
      const build = await env.build(template, { on_error: 'keep' });
      await build.failure();
      let made = serversMade();
      await resume(build, { from: 'command:2 c2' });
      await assert.rejects(result(build));
      assert.equal(serversMade() - made, 0);
      await resume(build, { from: 'command:9' });
      await assert.rejects(result(build), {
        message: /cannot be resumed from command:9; it can be resumed from: jeos, customise, command:1 c1/,
      });
      const ended = env.template({ name: 'from', body: bodyOf(NOTE('one'), NOTE('two'), RAN('one', 'two')) });
      await resume(build, { from: 'customise', template: ended });
      await result(build);
      assert.equal(serversMade() - made, 1);
      made = serversMade();
      assert.deepEqual(env.leftovers(), []);
    });

    describe('when its disk was a volume', () => {
      const volumes = { root_disk: 'volume', on_error: 'keep' };

      it('starts from the JEOS, and nothing of the first run is in the image', async () => {
        const template = (...commands: string[]): string => env.template({ name: 'disk', body: bodyOf(...commands) });
        const build = await env.build(template(NOTE('one'), 'exit 3'), volumes);
        await build.failure();
        const [used] = volumesOf(build);
        await resume(build, { from: 'customise', template: template(NOTE('other'), RAN('other')) });
        await result(build);
        const { note = '' } = (await build.status()).steps.find(({ name }) => name === 'resume-point') ?? {};
        assert.ok(note.includes(`volume ${used?.id}, the root volume of the build, is removed`), note);
        assert.deepEqual(env.leftovers(), []);
      });

      it('starts from the JEOS also when the kept instance is off', async () => {
        const template = (last: string): string => env.template({ name: 'off', body: bodyOf(NOTE('one'), last) });
        const build = await env.build(template('exit 3'), volumes);
        await build.failure();
        const server = [...env.cloud.state.servers.values()].find(({ name }) => name.endsWith(build.uuid));
        await env.cloud.stopServer(server?.id ?? '');
        await resume(build, { template: template(RAN('one')) });
        await result(build);
        assert.deepEqual(env.leftovers(), []);
      });

      it('runs no command a second time on a disk that could not be uploaded', async () => {
        const build = await env.build(env.template({ name: 'upload', body: bodyOf(NOTE('one'), RAN('one')) }), volumes);
        // The first of these tests has already installed the JEOS. So this behaviour affects only the root volume of
        // the build itself.
        const forget = env.cloud.volumeBehaviours.add({ match: { name: /-root-/ }, upload: 'deleted' });
        await build.failure();
        forget();
        const { failure, kept } = await build.status();
        assert.equal(failure?.step, 'base.snapshot');
        const [disk] = volumesOf(build);
        assert.deepEqual(kept?.resources, [`volume ${disk?.id} (available)`]);
        assert.ok(Math.abs((readExpiry({ marks: disk?.metadata ?? {} }) ?? 0) - kept.until) < 1000);
        await resume(build);
        await result(build);
        assert.deepEqual(env.leftovers(), []);
      });

      it('waits for an upload to end before it removes the disk', async () => {
        const build = await env.build(
          env.template({ name: 'uploads', body: bodyOf(NOTE('one'), RAN('one')) }),
          volumes,
        );
        const forget = env.cloud.volumeBehaviours.add({ match: { name: /-root-/ }, upload: 'stuck' });
        const isUploading = (): boolean => volumesOf(build)[0]?.status === 'uploading';
        await until(isUploading, 'its disk is uploaded');
        await build.handle.terminate('by a test');
        forget();
        await resume(build);
        const [disk] = volumesOf(build);
        const deletes = { service: 'volume', method: 'DELETE', path: new RegExp(`${disk?.id}`) } as const;
        await until(() => env.cloud.calls.list(deletes).some(({ status }) => status === 400), 'Cinder refuses');
        Object.assign(disk ?? {}, { status: 'available' });
        await result(build);
        assert.deepEqual(env.leftovers(), []);
      });

      it('removes the volume also when the new disk is a local one', async () => {
        const template = (last: string): string => env.template({ name: 'local', body: bodyOf(NOTE('one'), last) });
        const build = await env.build(template('exit 3'), volumes);
        await build.failure();
        assert.equal(volumesOf(build).length, 1);
        await resume(build, { template: template(RAN('one')), from: 'customise', parameters: { root_disk: 'local' } });
        await result(build);
        assert.deepEqual(env.leftovers(), []);
      });
    });
  });
});
