import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { Readable } from 'node:stream';
import { createMessage, generateKey, sign } from 'openpgp';
import { checkGrubPrograms } from '../../../src/media/grub.js';
import { checkIsoPrograms } from '../../../src/media/iso.js';
import { connectClouds } from '../../../src/openstack/index.js';
import { createMediumFixture } from '../../fakes/openstack/medium-fixture.js';
import type { Leftover } from '../../fakes/openstack/leftovers.js';
import type { FakeImage } from '../../fakes/openstack/state.js';
import { TestEnv, PRESEED } from '../../support/test-env.js';
import { listReplies, loseReplies, describeLostReply, type ChangingCalls } from '../../support/lost-replies.js';
import { recordInstallers, type StartedInstaller } from '../../support/started-installers.js';
import { until } from '../../support/until.js';

const { signal } = new AbortController();
const skip = await Promise.all([checkGrubPrograms(['bios', 'uefi'], signal), checkIsoPrograms(signal)]).then(
  () => false,
  (error: Error) => error.message,
);

const TREE = { 'install.amd/vmlinuz': 'the kernel', 'install.amd/initrd.gz': 'the ramdisk' };

describe('a system that is installed from its medium', { skip }, () => {
  let env: TestEnv;
  let iso: Buffer;
  let address: string;
  let started: StartedInstaller[];
  let folder: string;
  const own = new Set<string>();
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'imagefactory-media-'));
    env = await TestEnv.start({ worker: false });
    await env.startWorker({ filesFrom: [folder] });
    started = recordInstallers(env);
    iso = await createMediumFixture({ files: TREE, volumeId: 'Debian 12' });
    env.media.put('/debian.iso', iso);
    address = `${env.media.origin}/debian.iso`;
  });
  after(async () => {
    await env.close();
    await rm(folder, { recursive: true, force: true });
  });

  /** Lists the resources that the builds have left in the cloud, except the images that the tests have created. */
  const left = (): Leftover[] => env.leftovers().filter(({ id }) => !own.has(id));
  const sha256 = (): string => createHash('sha256').update(iso).digest('hex');

  async function build(
    parameters: Record<string, unknown> = {},
    install = '',
    at = address,
  ): Promise<StartedInstaller> {
    const before = started.length;
    const run = await env.build(env.template({ iso: at, install }), { reuse_jeos: 'False', ...parameters });
    const { glanceId } = await run.result();
    assert.equal(env.cloud.state.images.get(glanceId)?.status, 'active');
    assert.deepEqual(left(), []);
    const installer = started[before];
    assert.ok(installer, 'no installer was started');
    return installer;
  }

  it('has the unchanged medium in a drive, and Nova boots the kernel that is on the medium', async () => {
    const installer = await build();
    assert.match(installer.commandLine, /auto=true .*url=http:\/\/169\.254\.169\.254/);
    assert.equal(String(installer.kernel), 'the kernel');
    assert.equal(String(installer.ramdisk), 'the ramdisk');
    assert.deepEqual(installer.media, [[...Object.keys(TREE), 'isolinux/isolinux.bin'].sort()]);
  });

  it('shares the medium, and the files that were taken from it, with the next build', async () => {
    const media = (): string[] => env.images('media').map(({ id }) => id);
    const before = media();
    await build();
    assert.deepEqual(media(), before);
  });

  it('boots from the build’s own copy of the medium, with our boot loader, when boot_method is iso', async () => {
    const installer = await build({ boot_method: 'iso' });
    assert.equal(installer.kernel, undefined);
    assert.match(installer.commandLine, /auto=true .*url=http:\/\/169\.254\.169\.254/);
    assert.ok(installer.media[0]?.includes('imagefactory-boot/grub.cfg'));
    assert.deepEqual(env.images('boot'), []);
  });

  it('boots from our boot disk, with the medium in a drive, when boot_method is stub', async () => {
    const installer = await build({ boot_method: 'stub' });
    assert.equal(installer.kernel, undefined);
    assert.match(installer.commandLine, /auto=true /);
    assert.ok(installer.media[0]?.includes('install.amd/vmlinuz'));
  });

  it('reads its script, of any length, from the medium when script_transport is medium', async () => {
    const script = `${PRESEED}# ${'long '.repeat(20_000)}\n`;
    const installer = await build({ script_transport: 'medium', install_script: script });
    assert.match(installer.commandLine, /file=\/cdrom\/preseed\.cfg/);
    assert.doesNotMatch(installer.commandLine, /169\.254/);
    assert.equal(installer.userData, null);
    assert.ok(installer.media[0]?.includes('preseed.cfg'));
  });

  it('has the template’s extras on its medium: files, and folders that the worker allows', async () => {
    env.media.put('/an extra.txt', 'extra');
    await mkdir(join(folder, 'drivers'));
    await writeFile(join(folder, 'drivers', 'one.inf'), 'one');
    const installer = await build(
      {},
      `<extras><directory source='file://${folder}/drivers' destination='/drivers'/>
       <file source='${env.media.origin}/an%20extra.txt' destination='/extras/'/></extras>`,
    );
    assert.ok(installer.media[0]?.includes('drivers/one.inf'));
    assert.ok(installer.media[0]?.includes('extras/an extra.txt'));
  });

  it('gets no folder of the worker’s machine that the worker does not allow', async () => {
    const install = "<extras><directory source='file:///etc' destination='/etc'/></extras>";
    const failure = await (await env.build(env.template({ iso: address, install }))).failure();
    assert.equal(failure.type, 'MediaUnavailable');
    assert.match(failure.message, /in none of the folders that templates may read/);
    assert.deepEqual(left(), []);
  });

  it('may come from a folder that the worker allows', async () => {
    await writeFile(join(folder, 'local.iso'), iso);
    await build({}, '', `file://${folder}/local.iso`);
  });

  it('may be an existing image of the cloud, which stays unchanged', async () => {
    const image = await ownImage('Debian 12 medium');
    const before = structuredClone(image.properties);
    await build({ iso_checksum: `sha256:${sha256()}` }, '', 'glance:Debian 12 medium');
    assert.deepEqual(env.cloud.state.images.get(image.id)?.properties, before);
    assert.equal(image.status, 'active');
    const failure = await (
      await env.build(env.template({ iso: 'glance:Debian 12 medium' }), { iso_checksum: `sha256:${'0'.repeat(64)}`, reuse_jeos: 'False' })
    ).failure(); // prettier-ignore
    assert.equal(failure.type, 'ChecksumMismatch');
  });

  it('may be fetched by Glance itself, and its digest in Glance is compared with iso_checksum', async () => {
    const byGlance = (): number => env.images('media').filter(({ properties }) => properties['imagefactory_media']?.startsWith('web:')).length; // prettier-ignore
    await build({ web_download: 'True', iso_checksum: `sha512:${createHash('sha512').update(iso).digest('hex')}` });
    assert.equal(byGlance(), 1);
    await build({ web_download: 'True' });
    assert.equal(byGlance(), 1, 'the next build does not share the medium');
    const wrong = { web_download: 'True', reuse_jeos: 'False', iso_checksum: `sha512:${'0'.repeat(128)}` };
    const failure = await (await env.build(env.template({ iso: address }), wrong)).failure();
    assert.equal(failure.type, 'ChecksumMismatch');
    assert.equal(byGlance(), 0, 'a medium with a wrong digest was kept');
  });

  it('is fetched by Glance only from http(s), and a failure has the message of Glance', async () => {
    const of = async (at: string): Promise<string> =>
      (await (await env.build(env.template({ iso: at }), { web_download: 'True' })).failure()).message;
    assert.match(await of('ftp://m.example.org/a.iso'), /web_download: ftp:.* is not an http or https URL/);
    assert.match(await of('http://169.254.169.254/a.iso'), /cannot fetch http:\/\/169.254.*templates may not use/);
    assert.match(await of(`${env.media.origin}/nowhere.iso`), /cannot fetch .*nowhere\.iso: HTTP status 404/);
  });

  it('is looked up by its image name before anything is booted', async () => {
    const of = async (name: string): Promise<string> =>
      (await (await env.build(env.template({ iso: `glance:${name}` }))).failure()).message;
    assert.match(await of('nowhere'), /has no image "nowhere"/);
    await ownImage('twice');
    await ownImage('twice');
    assert.match(await of('twice'), /2 images of cloud envvars are called twice/);
  });

  it('must have the digest in the template’s checksum file', async () => {
    env.media.put('/SUMS', `${sha256()}  debian.iso\n`);
    await build({}, `<sha256sum>${env.media.origin}/SUMS</sha256sum>`);
    env.media.put('/WRONG', `${'0'.repeat(64)}  debian.iso\n`);
    const template = env.template({ iso: address, install: `<sha256sum>${env.media.origin}/WRONG</sha256sum>` });
    const failure = await (await env.build(template)).failure();
    assert.equal(failure.type, 'ChecksumMismatch');
    assert.match(failure.message, new RegExp(`${sha256()}, expected 0{64}`));
  });

  it('is booted only with a matching signed checksum, when checksum_key is given', async () => {
    const key = await generateKey({ userIDs: [{ name: 'distribution' }], format: 'object' });
    const sums = `${sha256()}  debian.iso\n`;
    const message = await createMessage({ text: sums });
    env.media.put('/SIGNED', sums);
    env.media.put('/SIGNED.gpg', Buffer.from(await sign({ message, signingKeys: key.privateKey, detached: true, format: 'binary' }))); // prettier-ignore
    const checksum_key = key.publicKey.armor();
    await build({ checksum_key }, `<sha256sum>${env.media.origin}/SIGNED</sha256sum>`);
    const install = `<sha256sum>${env.media.origin}/SUMS</sha256sum>`;
    env.media.put('/SUMS', sums);
    const unsigned = await (await env.build(env.template({ iso: address, install }), { checksum_key })).failure();
    assert.equal(unsigned.type, 'SignatureInvalid');
    const nothing = await (await env.build(env.template({ iso: address }), { checksum_key })).failure();
    assert.match(nothing.message, /the medium has no checksum that is signed with the key in checksum_key/);
  });

  it('fails with the paths where a kernel was searched, when the medium has none', async () => {
    env.media.put('/other.iso', await createMediumFixture({ files: { 'README.txt': 'x' } }));
    const failure = await (await env.build(env.template({ iso: `${env.media.origin}/other.iso` }))).failure();
    assert.match(failure.message, /the medium has none of the files install\.amd\/vmlinuz, /);
    assert.deepEqual(left(), []);
  });

  async function ownImage(name: string): Promise<FakeImage> {
    const clouds = connectClouds({ env: env.cloud.env(), directory: folder });
    try {
      const { image } = clouds.get('envvars');
      const { id } = await image.createImage({ name, disk_format: 'iso', container_format: 'bare' });
      own.add(id);
      await image.uploadImage(id, Readable.from([iso]), { size: iso.length });
      return env.cloud.state.images.get(id) as FakeImage;
    } finally {
      await clouds.close();
    }
  }
});

describe('a root disk that is a volume', () => {
  let env: TestEnv;
  before(async () => {
    env = await TestEnv.start({ cloud: { flavors: [{ name: 'm1.small', ram: 1024, vcpus: 1, disk: 5 }, { name: 'diskless', ram: 1024, vcpus: 1, disk: 0 }] } }); // prettier-ignore
  });
  after(() => env.close());

  const BODY =
    '<commands><command name="a">echo a >> /root/runs; test $(wc -l &lt; /root/runs) = 1</command></commands>';

  it('becomes an image with bytes in it, which the next build starts from', async () => {
    const first = await (await env.build(env.template({ body: BODY }), { root_disk: 'volume' })).result();
    const image = env.cloud.state.images.get(first.glanceId);
    assert.ok((image?.size ?? 0) > 0);
    assert.equal(image?.properties['kernel_id'], undefined);
    assert.equal(image?.properties['signature_verified'], undefined);
    assert.equal(image?.min_disk, 5);
    const second = await (await env.build(env.template({ body: BODY }), { root_disk: 'volume' })).result();
    assert.equal(second.jeos.reused, true);
    assert.deepEqual(env.leftovers(), []);
  });

  it('is as large as the template says', async () => {
    const body = '<disk><size>7</size></disk>';
    const { glanceId } = await (await env.build(env.template({ body }), { root_disk: 'volume' })).result();
    assert.equal(env.cloud.state.images.get(glanceId)?.min_disk, 7);
  });

  it('is used without root_disk when the flavor has no disk', async () => {
    const { glanceId } = await (await env.build(env.template(), { flavor: 'diskless' })).result();
    assert.equal(env.cloud.state.images.get(glanceId)?.min_disk, 10);
    assert.deepEqual(env.leftovers(), []);
  });

  it('waits for volume quota, and holds no volume meanwhile', async () => {
    const { quotas, volumes } = env.cloud.state;
    quotas.gigabytes = 3;
    const build = await env.build(env.template(), { root_disk: 'volume', reuse_jeos: 'False' });
    const refused = (): boolean => env.cloud.calls.list().some(({ service, status }) => service === 'volume' && status === 413); // prettier-ignore
    await until(refused, 'Cinder refuses');
    assert.equal(volumes.size, 0);
    quotas.gigabytes = -1;
    await build.result();
  });

  it('also waits for quota for its medium, while the cloud still creates the first volume', { skip }, async () => {
    const { quotas, volumes } = env.cloud.state;
    env.media.put('/debian.iso', await createMediumFixture({ files: TREE }));
    const forget = env.cloud.volumeBehaviours.add({ create: 'stuck', times: 1 });
    quotas.volumes = 1;
    const from = env.cloud.calls.list().length;
    const answers = (path: string, status: number): number =>
      env.cloud.calls.list().slice(from).filter((call) => call.path.endsWith(path) && call.status === status).length; // prettier-ignore
    const build = await env.build(env.template({ iso: `${env.media.origin}/debian.iso` }), { root_disk: 'volume', reuse_jeos: 'False' }); // prettier-ignore
    await until(() => answers('/volumes', 413) > 0, 'Cinder refuses the volume of the medium');
    const [first] = volumes.values();
    assert.ok(first);
    // The build has read the first volume twice. It must not have tried to delete this volume, because Cinder answers
    // 400 when a volume is still `creating`.
    await until(() => answers(first.id, 200) >= 2 || answers(first.id, 400) > 0, 'two looks at the first volume');
    assert.equal(answers(first.id, 400), 0);
    first.status = 'available';
    await until(() => !volumes.has(first.id), 'the first volume is removed');
    quotas.volumes = -1;
    await build.result();
    forget();
    assert.deepEqual(env.leftovers(), []);
  });

  it('that Cinder cannot create fails the build with Cinder’s message', async () => {
    const forget = env.cloud.volumeBehaviours.add({ create: 'error' });
    const failure = await (await env.build(env.template(), { root_disk: 'volume', reuse_jeos: 'False' })).failure();
    forget();
    assert.equal(failure.type, 'VolumeFailed');
    assert.match(failure.message, /is error: the cloud could not make it/);
    assert.deepEqual(env.leftovers(), []);
  });

  it('from which Cinder fails to make an image fails the build with Cinder’s message', async () => {
    const forget = env.cloud.volumeBehaviours.add({ upload: 'deleted' });
    const failure = await (await env.build(env.template(), { root_disk: 'volume', reuse_jeos: 'False' })).failure();
    forget();
    assert.equal(failure.type, 'ImageFailed');
    assert.match(failure.message, /is gone, and Cinder has given up \(copy volume to image:Failed to upload volume/);
    assert.deepEqual(env.leftovers(), []);
  });

  it('that Cinder never stops uploading is reported as left over', async () => {
    const forget = env.cloud.volumeBehaviours.add({ upload: 'stuck', times: 1 });
    const build = await env.build(env.template(), { root_disk: 'volume', reuse_jeos: 'False', snapshot_timeout: 3 });
    const failure = await build.failure();
    forget();
    const [volume] = env.cloud.state.volumes.values();
    assert.equal(volume?.status, 'uploading');
    assert.match(
      failure.message,
      /still queued at its deadline; the installer run has left these resources in the cloud: volume /,
    );
    assert.ok(failure.message.includes(volume.id));
    env.cloud.deleteVolume(volume.id);
  });

  it('that Cinder accepts to delete but keeps is reported as left over by the build, also when the installer run made it', async () => {
    const forget = env.cloud.volumeBehaviours.add({ delete: 'stuck' });
    const build = await env.build(env.template(), { root_disk: 'volume', reuse_jeos: 'False' });
    await build.result();
    forget();
    const { leftovers = [], removed = [], steps } = await build.status();
    const { note = '' } = steps.find(({ name }) => name === 'jeos') ?? {};
    const [installers, own] = [...env.cloud.state.volumes.values()].map(({ id }) => `volume ${id}`);
    const why = 'the cloud has accepted the request to remove it, but it still exists';
    assert.ok(note.endsWith(`; the installer run has left these resources in the cloud: ${installers}: ${why}`), note);
    assert.deepEqual(leftovers, [`${own}: ${why}`]);
    assert.ok(!removed.includes(`${own}`));
    for (const id of [...env.cloud.state.volumes.keys()]) env.cloud.deleteVolume(id);
  });
});

describe('a cloud without block storage', () => {
  let env: TestEnv;
  before(async () => {
    env = await TestEnv.start({ cloud: { blockStorage: false } });
  });
  after(() => env.close());

  it('cannot install from a medium, and the build fails before it creates anything', async () => {
    const failure = await (await env.build(env.template({ iso: `${env.media.origin}/a.iso` }))).failure();
    assert.equal(failure.type, 'UnsupportedOs');
    assert.match(failure.message, /no block storage \(Cinder\), but an ISO can reach an instance only as a volume/);
  });

  it('still builds from install trees', async () => {
    await (await env.build(env.template())).result();
    assert.deepEqual(env.leftovers(), []);
  });
});

/** The calls that change something in Cinder, for a build whose root disk and install medium are volumes. */
const CHANGES: ChangingCalls = [
  ['volume POST /v3/volumes', 3],
  ['volume POST /v3/volumes/*/action', 2],
  ['volume DELETE /v3/volumes/*', 3],
];

describe('a build that loses the replies of Cinder', { skip }, () => {
  it('is complete, with nothing created twice or left', async () => {
    const env = await TestEnv.start();
    try {
      env.media.put('/debian.iso', await createMediumFixture({ files: TREE }));
      const losses = listReplies(CHANGES);
      const lost = loseReplies(env, losses);
      const template = env.template({ iso: `${env.media.origin}/debian.iso` });
      const result = await (await env.build(template, { root_disk: 'volume' })).result();
      assert.deepEqual(lost.sort(), losses.map(describeLostReply).sort());
      assert.deepEqual(env.cloud.state.serversMade.map((name) => name.split('-')[1]), ['installer', 'customise']); // prettier-ignore
      assert.deepEqual(env.images('base').map(({ id }) => id), [result.glanceId]); // prettier-ignore
      assert.equal(env.images('jeos').length, 1);
      assert.deepEqual(env.leftovers(), []);
    } finally {
      await env.close();
    }
  });
});
