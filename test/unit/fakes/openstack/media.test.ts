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
import { createMediumFixture } from '../../../fakes/openstack/medium-fixture.js';
import { cdrom, rootDisk, CloudFixture } from './cloud-fixture.js';

const { signal } = new AbortController();
const skip = await Promise.all([checkIsoPrograms(signal), checkGrubPrograms(['bios'], signal)]).then(
  () => false,
  (error: Error) => error.message,
);
const TREE = { 'install.amd/vmlinuz': 'kernel', 'install.amd/initrd.gz': 'ramdisk' };
const SCRIPT = 'd-i debconf\n';

describe('servers of the fake cloud with a medium in their drive', { skip }, () => {
  let fixture: CloudFixture;
  let folder: string;
  before(async () => {
    fixture = await CloudFixture.start({ guests: false, durations: { install: 30 } });
    folder = await mkdtemp(join(tmpdir(), 'fake-cloud-media-'));
  });
  after(async () => {
    await fixture.close();
    await rm(folder, { recursive: true, force: true });
  });

  async function upload(bytes: Buffer, disk_format = 'iso'): Promise<string> {
    const { image } = fixture.cloud;
    const { id } = await image.createImage({ name: 'medium', disk_format, container_format: 'bare' });
    await image.uploadImage(id, Readable.from([bytes]), { size: bytes.length });
    return id;
  }

  /** Boots an empty root disk with the medium in the drive. */
  async function boot(medium: Buffer, request = {}): Promise<{ id: string; root: string }> {
    const [root, drive] = await Promise.all([
      fixture.createVolume({ imageRef: (await fixture.createImage()).id }),
      fixture.createVolume({ imageRef: await upload(medium) }),
    ]);
    const block_device_mapping_v2 = [rootDisk(root), cdrom(drive)];
    return { id: await fixture.createServer(undefined, { block_device_mapping_v2, ...request }), root };
  }

  /** Creates a medium with our boot loader and a script, as a build does. */
  async function remakeMedium(commandLine: string, path: string): Promise<Buffer> {
    const source = join(folder, 'source.iso');
    await writeFile(source, await createMediumFixture({ files: TREE }));
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

  it('install from it with the command line of our boot loader and the script on it', async () => {
    const { fake } = fixture;
    const commandLine = "auto=true it's file=/cdrom/preseed.cfg --- console=ttyS0";
    const forget = fake.behaviours.add({ installer: 'never-off' });
    const { id } = await boot(await remakeMedium(commandLine, 'preseed.cfg'));
    await fixture.waitForServer(id, 'ACTIVE');
    const console = await fixture.waitFor(
      () => fixture.cloud.compute.getConsoleOutput(id),
      (text) => text.includes('Press Enter'),
    );
    forget();
    assert.ok(console.includes(`Command line: ${commandLine}\n`), console);
    assert.ok(console.includes(`install script (${SCRIPT.length} bytes of /preseed.cfg on the medium)`), console);
  });

  it('wait for input when the script is not at the path in the command line', async () => {
    const { id } = await boot(await remakeMedium('inst.ks=cdrom:/ks.cfg', 'other.cfg'));
    await fixture.waitFor(
      () => fixture.cloud.compute.getConsoleOutput(id),
      (text) => text.includes('it has no script: no /ks.cfg on the medium'),
    );
    assert.equal((await fixture.cloud.compute.getServer(id))?.status, 'ACTIVE');
  });

  it('install from a medium with its original boot loader if the script is where the installer reads it', async () => {
    for (const path of ['etc/installerconfig', 'install/auto_inst.cfg.pl', 'autounattend.xml']) {
      const { id } = await boot(await createMediumFixture({ files: { [path]: SCRIPT } }));
      await fixture.waitForServer(id, 'SHUTOFF');
    }
    const { id } = await boot(await createMediumFixture({ files: TREE }));
    await fixture.waitFor(
      () => fixture.cloud.compute.getConsoleOutput(id),
      (text) => text.includes('it has no script: 0 bytes of user data'),
    );
  });

  it('boot their disk after a system is installed on it', async () => {
    const { id } = await boot(await createMediumFixture({ files: { 'etc/installerconfig': SCRIPT } }));
    await fixture.waitForServer(id, 'SHUTOFF');
    assert.equal(fixture.fake.state.servers.get(id)?.boots, 'installer');
    await fixture.cloud.compute.startServer(id);
    await fixture.waitForServer(id, 'ACTIVE');
    assert.equal(fixture.fake.state.servers.get(id)?.boots, 'disk');
  });

  it('boot nothing from a medium without a boot loader', async () => {
    const { id } = await boot(await createMediumFixture({ files: TREE, bootable: false }));
    await fixture.waitForServer(id, 'ACTIVE');
    assert.match(await fixture.cloud.compute.getConsoleOutput(id), /No bootable device/);
  });

  it('boot the kernel of their image, whatever is in the drive', async () => {
    const drive = await fixture.createVolume({ imageRef: await upload(await createMediumFixture({ files: {} })) });
    const image = await fixture.createInstallerImage();
    const id = await fixture.createServer(image.id, {
      block_device_mapping_v2: [
        { uuid: image.id, source_type: 'image', destination_type: 'local', boot_index: 0, delete_on_termination: true },
        cdrom(drive),
      ],
    });
    await fixture.waitForServer(id, 'SHUTOFF');
    assert.equal(fixture.fake.state.servers.get(id)?.commandLine, 'console=ttyS0');
  });

  it('boot a disk that the worker has created', async () => {
    const [kernel, ramdisk] = [join(folder, 'kernel'), join(folder, 'ramdisk')];
    await Promise.all([writeFile(kernel, 'kernel'), writeFile(ramdisk, 'ramdisk')]);
    const own = await mkdtemp(join(folder, 'stub-'));
    const stub = { kernel, ramdisks: [ramdisk], commandLine: 'a=b c', firmwares: ['bios'] as const };
    const { path } = await makeStubDisk({ ...stub, folder: own, signal });
    const id = await fixture.createServer(await upload(await readFile(path), 'raw'));
    await fixture.waitForServer(id, 'SHUTOFF');
    assert.equal(fixture.fake.state.servers.get(id)?.commandLine, 'a=b c');
  });
});
