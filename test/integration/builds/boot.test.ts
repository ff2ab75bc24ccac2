import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { checkGrubPrograms } from '../../../src/media/grub.js';
import type { FakeImage } from '../../fakes/openstack/state.js';
import { TestEnv, PRESEED } from '../../support/test-env.js';
import { recordInstallers, type StartedInstaller } from '../../support/started-installers.js';

const missing = await checkGrubPrograms(['bios', 'uefi'], new AbortController().signal).then(
  () => false,
  (error: Error) => error.message,
);

function bootImages(env: TestEnv): FakeImage[] {
  return env.images('boot');
}

describe('a build on a cloud that takes no kernel images', { skip: missing }, () => {
  let env: TestEnv;
  let installed: StartedInstaller[];
  before(async () => {
    env = await TestEnv.start({ cloud: { diskFormats: ['raw', 'qcow2', 'iso'] } });
    installed = recordInstallers(env);
  });
  after(() => env.close());

  it('boots its installer from a disk that the worker has made, with the usual kernel command line', async () => {
    const result = await (await env.build(env.template({ name: 'stub' }))).result();
    const server = installed.at(-1)?.server;
    assert.equal(server?.imageProperties['kernel_id'], undefined);
    assert.match(server?.commandLine ?? '', /url=http:\/\/169\.254\.169\.254\/latest\/user-data .* --- console=ttyS0/);
    assert.equal(env.cloud.state.images.get(result.jeos.glance_id)?.properties['os_distro'], 'debian');
    assert.deepEqual(bootImages(env), [], 'the boot disk was not deleted after the installation');
    assert.deepEqual(env.leftovers(), []);
  });

  it('shares the media with the next build', async () => {
    const before = env.images('media').map(({ id }) => id);
    await (await env.build(env.template({ name: 'next' }), { reuse_jeos: false })).result();
    assert.deepEqual(
      env.images('media').map(({ id }) => id),
      before,
    );
  });

  it('gives the script to the boot loader as a second ramdisk when script_transport is initrd', async () => {
    const build = await env.build(env.template({ name: 'with' }), { script_transport: 'initrd' });
    await build.result();
    const server = installed.at(-1)?.server;
    assert.equal(server?.userData, null);
    assert.doesNotMatch(server?.commandLine ?? '', /169\.254/);
    assert.deepEqual(env.leftovers(), []);
  });

  it('fails before it boots anything when we have no boot loader for the architecture', async () => {
    const template = env.template({ name: 'arm' }).replace('x86_64', 'aarch64');
    const failure = await (await env.build(template)).failure();
    assert.equal(failure.type, 'InvalidParameter');
    assert.match(failure.message, /our boot loader does not support aarch64 machines/);
  });
});

describe('an install script that does not come as user data', () => {
  let env: TestEnv;
  let installed: StartedInstaller[];
  before(async () => {
    env = await TestEnv.start();
    installed = recordInstallers(env);
  });
  after(() => env.close());

  it('is at the end of the build’s own ramdisk, which is deleted with the build', async () => {
    // The script is longer than Nova's limit for user data.
    const script = `${PRESEED}# ${'long '.repeat(20_000)}\n`;
    const build = await env.build(env.template(), { install_script: script, script_transport: 'initrd' });
    await build.result();
    const { server, ramdisk } = installed.at(-1) ?? {};
    const archive = ramdisk?.indexOf('070701') ?? -1;
    assert.ok(archive > 0 && archive % 4 === 0, 'no archive follows the ramdisk');
    assert.ok(ramdisk !== undefined && ramdisk.includes(script));
    assert.ok(ramdisk.includes('preseed.cfg\0'));
    assert.equal(server?.userData, null);
    assert.deepEqual(bootImages(env), []);
    assert.deepEqual(env.leftovers(), []);
  });

  it('is on the configuration drive of the installer; the customised instance has no such drive', async () => {
    env.media.put('/el/images/pxeboot/vmlinuz', 'kernel');
    env.media.put('/el/images/pxeboot/initrd.img', 'ramdisk');
    const template = env.template({ os: 'Fedora', version: '40', url: `${env.media.origin}/el` });
    const drives: [string, boolean][] = [];
    const remove = env.cloud.faults.add({
      kind: 'chosen',
      match: { service: 'compute', method: 'DELETE', path: /\/servers\// },
      times: Infinity,
      choose: async () => {
        for (const { name, configDrive } of env.cloud.state.servers.values()) drives.push([name, configDrive]);
        return Promise.resolve(undefined);
      },
    });
    const build = await env.build(template, { install_script: 'text\npoweroff\n', script_transport: 'config_drive' });
    await build.result();
    remove();
    assert.match(
      installed.at(-1)?.server.commandLine ?? '',
      /inst\.ks=hd:LABEL=config-2:\/openstack\/latest\/user_data/,
    );
    const of = (role: string): boolean[] => drives.filter(([name]) => name.includes(role)).map(([, drive]) => drive);
    assert.ok(of('installer').every((drive) => drive) && of('installer').length > 0);
    assert.ok(of('customise').every((drive) => !drive) && of('customise').length > 0);
  });
});
