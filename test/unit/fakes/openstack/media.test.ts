import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { after, before, describe, it } from 'node:test';
import { checkGrubPrograms } from '../../../../src/media/grub.js';
import { checkIsoPrograms, remasterIso } from '../../../../src/media/iso.js';
import { makeStubDisk } from '../../../../src/media/stub-disk.js';
import { mediumFixture } from '../../../fakes/openstack/medium-fixture.js';
import { cdrom, rootDisk, Scene } from './support.js';

const { signal } = new AbortController();
const skip = await Promise.all([checkIsoPrograms(signal), checkGrubPrograms(['bios'], signal)]).then(
  () => false,
  (error: Error) => error.message,
);
const TREE = { 'install.amd/vmlinuz': 'kernel', 'install.amd/initrd.gz': 'ramdisk' };
const SCRIPT = 'd-i debconf\n';

describe('servers of the fake cloud with a medium in their drive', { skip }, () => {
  let scene: Scene;
  let folder: string;
  before(async () => {
    scene = await Scene.start({ guests: false, durations: { install: 30 } });
    folder = await mkdtemp(join(tmpdir(), 'fake-cloud-media-'));
  });
  after(async () => {
    await scene.close();
    await rm(folder, { recursive: true, force: true });
  });

  async function upload(bytes: Buffer, disk_format = 'iso'): Promise<string> {
    const { image } = scene.cloud;
    const { id } = await image.createImage({ name: 'medium', disk_format, container_format: 'bare' });
    await image.uploadImage(id, Readable.from([bytes]), { size: bytes.length });
    return id;
  }

  /** Boots an empty root disk with the medium in the drive. */
  async function boot(medium: Buffer, request = {}): Promise<{ id: string; root: string }> {
    const [root, drive] = await Promise.all([
      scene.volume({ imageRef: (await scene.image()).id }),
      scene.volume({ imageRef: await upload(medium) }),
    ]);
    const block_device_mapping_v2 = [rootDisk(root), cdrom(drive)];
    return { id: await scene.server(undefined, { block_device_mapping_v2, ...request }), root };
  }

  /** A medium made anew for a build, with our boot loader. */
  async function ours(commandLine: string, path: string): Promise<Buffer> {
    const source = join(folder, 'source.iso');
    await writeFile(source, await mediumFixture({ files: TREE }));
    await writeFile(join(folder, 'script'), SCRIPT);
    const own = await mkdtemp(join(folder, 'own-'));
    const iso = {
      source,
      folder: own,
      signal,
      files: [{ from: join(folder, 'script'), path }],
      boot: {
        kernels: ['install.amd/vmlinuz'],
        ramdisks: ['install.amd/initrd.gz'],
        commandLine,
        firmwares: ['bios'] as const,
      },
    };
    return buffer((await remasterIso(iso))());
  }

  it('install from it, told what our boot loader says, with the script that is on it', async () => {
    const { fake } = scene;
    const commandLine = "auto=true it's file=/cdrom/preseed.cfg --- console=ttyS0";
    const forget = fake.behaviours.add({ installer: 'never-off' });
    const { id } = await boot(await ours(commandLine, 'preseed.cfg'));
    await scene.reaches(id, 'ACTIVE');
    const console = await scene.until(
      () => scene.cloud.compute.getConsoleOutput(id),
      (text) => text.includes('Press Enter'),
    );
    forget();
    assert.ok(console.includes(`Command line: ${commandLine}\n`), console);
    assert.ok(console.includes(`install script (${SCRIPT.length} bytes of /preseed.cfg on the medium)`), console);
  });

  it('wait for somebody when the script is not where the command line says', async () => {
    const { id } = await boot(await ours('inst.ks=cdrom:/ks.cfg', 'other.cfg'));
    await scene.until(
      () => scene.cloud.compute.getConsoleOutput(id),
      (text) => text.includes('it has no script: no /ks.cfg on the medium'),
    );
    assert.equal((await scene.cloud.compute.getServer(id))?.status, 'ACTIVE');
  });

  it('install from a medium with its own boot loader when it has a script where its installer looks', async () => {
    for (const path of ['etc/installerconfig', 'install/auto_inst.cfg.pl', 'autounattend.xml']) {
      const { id } = await boot(await mediumFixture({ files: { [path]: SCRIPT } }));
      await scene.reaches(id, 'SHUTOFF');
    }
    const { id } = await boot(await mediumFixture({ files: TREE }));
    await scene.until(
      () => scene.cloud.compute.getConsoleOutput(id),
      (text) => text.includes('it has no script: 0 bytes of user data'),
    );
  });

  it('boot their disk once something is installed on it', async () => {
    const { id } = await boot(await mediumFixture({ files: { 'etc/installerconfig': SCRIPT } }));
    await scene.reaches(id, 'SHUTOFF');
    assert.equal(scene.fake.state.servers.get(id)?.boots, 'installer');
    await scene.cloud.compute.startServer(id);
    await scene.reaches(id, 'ACTIVE');
    assert.equal(scene.fake.state.servers.get(id)?.boots, 'disk');
  });

  it('boot nothing from a medium without a boot loader', async () => {
    const { id } = await boot(await mediumFixture({ files: TREE, bootable: false }));
    await scene.reaches(id, 'ACTIVE');
    assert.match(await scene.cloud.compute.getConsoleOutput(id), /No bootable device/);
  });

  it('are started by Nova’s kernel, or by their disk, whatever is in the drive', async () => {
    const drive = await scene.volume({ imageRef: await upload(await mediumFixture({ files: {} })) });
    const image = await scene.installerImage();
    const id = await scene.server(image.id, {
      block_device_mapping_v2: [
        { uuid: image.id, source_type: 'image', destination_type: 'local', boot_index: 0, delete_on_termination: true },
        cdrom(drive),
      ],
    });
    await scene.reaches(id, 'SHUTOFF');
    assert.equal(scene.fake.state.servers.get(id)?.commandLine, 'console=ttyS0');
  });

  it('are started by a disk that the worker has made', async () => {
    const [kernel, ramdisk] = [join(folder, 'kernel'), join(folder, 'ramdisk')];
    await Promise.all([writeFile(kernel, 'kernel'), writeFile(ramdisk, 'ramdisk')]);
    const own = await mkdtemp(join(folder, 'stub-'));
    const stub = { kernel, ramdisks: [ramdisk], commandLine: 'a=b c', firmwares: ['bios'] as const };
    const { path } = await makeStubDisk({ ...stub, folder: own, signal });
    const id = await scene.server(await upload(await readFile(path), 'raw'));
    await scene.reaches(id, 'SHUTOFF');
    assert.equal(scene.fake.state.servers.get(id)?.commandLine, 'a=b c');
  });
});
