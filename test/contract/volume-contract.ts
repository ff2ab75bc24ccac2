import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { describe, it } from 'node:test';
import { z } from 'zod';
import { FactoryError } from '../../src/domain/errors.js';
import { HttpClient } from '../../src/http/http.js';
import { Session } from '../../src/openstack/auth/keystone-session.js';
import { ServiceClient } from '../../src/openstack/auth/service-client.js';
import type { BlockDevice, Volume } from '../../src/openstack/types.js';
import { type Bench, eventually, failure, smallest } from './bench.js';

const MAPPED = { source_type: 'volume', destination_type: 'volume', delete_on_termination: false } as const;
const UPLOAD = { disk_format: 'qcow2', container_format: 'bare' };

const SNAPSHOTS = z.object({ snapshots: z.array(z.object({ id: z.string(), status: z.string() })) });

const MESSAGES = z.object({
  messages: z.array(
    z.object({
      id: z.string(),
      user_message: z.string(),
      event_id: z.string(),
      message_level: z.string(),
      resource_type: z.string(),
      resource_uuid: z.string(),
    }),
  ),
});

type Message = z.infer<typeof MESSAGES>['messages'][number];

/** Declares the tests of volumes, of servers with volumes, and of the copies between images and volumes. */
export function describeVolumes(bench: Bench): void {
  describe('volume', () => {
    /** Creates a volume of 1 GiB. It is deleted after the tests. */
    async function create(what: string, imageRef?: string): Promise<Volume> {
      const { volume } = bench.cloud;
      const metadata = { contract: bench.tag, contract_what: what };
      const request = { name: bench.name(what), size: 1, metadata, ...(imageRef === undefined ? {} : { imageRef }) };
      const made = await volume.createVolume(request);
      bench.later(() => remove(made.id));
      return made;
    }

    async function remove(id: string): Promise<void> {
      await bench.cloud.volume.deleteVolume(id);
      await eventually(
        'volume deleted',
        () => bench.cloud.volume.getVolume(id),
        (found) => found === undefined,
      );
    }

    /** Calls `use` with a client for Cinder calls that this program itself does not need. */
    async function withCinder<T>(use: (cinder: ServiceClient) => Promise<T>): Promise<T> {
      const http = new HttpClient(bench.settings.name, bench.settings.tls);
      try {
        return await use(
          new ServiceClient(new Session(http, bench.settings), 'block-storage', 'Cinder', 'v3/{project_id}'),
        );
      } finally {
        await http.close();
      }
    }

    /** Lists Cinder's user messages about a volume with the given microversion. */
    async function messages(id: string, microversion = '3.5'): Promise<Message[]> {
      const headers = { 'openstack-api-version': `volume ${microversion}` };
      const list = { method: 'GET', path: '/messages', query: { resource_uuid: id }, headers } as const;
      return withCinder(async (cinder) => (await cinder.requestJson(list, MESSAGES)).messages);
    }

    async function removeMessages(volumeId: string): Promise<void> {
      const headers = { 'openstack-api-version': 'volume 3.5' };
      const found = await messages(volumeId);
      await withCinder(async (cinder) => {
        for (const { id } of found) await cinder.send({ method: 'DELETE', path: `/messages/${id}`, headers });
      });
    }

    /**
     * Deletes the snapshots of a volume that Nova has created for an image, and waits until Cinder lists no snapshot.
     */
    async function removeSnapshots(volumeId: string): Promise<void> {
      const list = { method: 'GET', path: '/snapshots/detail', query: { volume_id: volumeId } } as const;
      await withCinder((cinder) =>
        eventually(
          'snapshots deleted',
          async () => {
            const { snapshots } = await cinder.requestJson(list, SNAPSHOTS);
            const idle = snapshots.filter(({ status }) => status === 'available' || status === 'error');
            for (const { id } of idle) await cinder.send({ method: 'DELETE', path: `/snapshots/${id}` });
            return snapshots;
          },
          (snapshots) => snapshots.length === 0,
        ),
      );
    }

    async function volumeIn(id: string, status: string): Promise<Volume> {
      const volume = await eventually(
        `volume ${status}`,
        () => bench.cloud.volume.getVolume(id),
        (found) => found === undefined || found.status === status || found.status.startsWith('error'),
      );
      assert.equal(volume?.status, status);
      return volume;
    }

    async function available(what: string, imageRef?: string): Promise<Volume> {
      return volumeIn((await create(what, imageRef)).id, 'available');
    }

    /** Creates a server with these block devices. The server has no image unless `imageRef` is given. */
    async function server(devices: BlockDevice[], imageRef?: string): Promise<string> {
      const request = { block_device_mapping_v2: devices, ...(imageRef === undefined ? {} : { imageRef }) };
      return (await bench.server(request, imageRef !== undefined)).id;
    }

    it('is available', async () => {
      assert.equal(await bench.cloud.volume.isAvailable(), true);
    });

    it('is created from an image, and has the properties of the image', async () => {
      const image = await bench.activeImage({ contract_property: 'a b' });
      const made = await create('copy', image.id);
      assert.equal(made.status, 'creating');
      assert.equal(made.bootable, false);
      const volume = await volumeIn(made.id, 'available');
      assert.equal(volume.bootable, true);
      assert.equal(volume.size, 1);
      assert.deepEqual(volume.metadata, { contract: bench.tag, contract_what: 'copy' });
      assert.deepEqual(volume.attachments, []);
      assert.match(volume.created_at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}$/);
      const kept = volume.volume_image_metadata ?? {};
      assert.deepEqual(
        [kept['contract_property'], kept['image_id'], kept['size'], kept['disk_format'], kept['min_disk']],
        ['a b', image.id, String(image.size), 'raw', '0'],
      );
    });

    it('is listed by name and by metadata', async () => {
      const { volume } = bench.cloud;
      const one = await available('listed');
      const ids = async (query: Parameters<typeof volume.listVolumes>[0]): Promise<string[]> =>
        (await volume.listVolumes(query)).map(({ id }) => id);
      const metadata = { contract: bench.tag, contract_what: 'listed' };
      assert.deepEqual(await ids({ metadata }), [one.id]);
      assert.deepEqual(await ids({ name: bench.name('listed') }), [one.id]);
      assert.deepEqual(await ids({ name: bench.name('listed'), metadata }), [one.id]);
      assert.deepEqual(await ids({ metadata: { ...metadata, contract_what: 'other' } }), []);
      assert.deepEqual(await ids({ name: bench.name('list') }), []);
      assert.ok((await ids({})).includes(one.id));
      assert.equal(one.bootable, false);
      assert.equal(one.volume_image_metadata, undefined);
    });

    it('keeps its other metadata when some are set', async () => {
      const { volume } = bench.cloud;
      const { id } = await available('marked');
      await volume.setMetadata(id, { contract_what: 'changed', contract_more: 'new' });
      const { metadata } = (await volume.getVolume(id)) ?? {};
      assert.deepEqual(metadata, { contract: bench.tag, contract_what: 'changed', contract_more: 'new' });
    });

    it('can be deleted a second time, and then does not exist', async () => {
      const { volume } = bench.cloud;
      const { id } = await available('deleted');
      await volume.deleteVolume(id);
      await volume.deleteVolume(id);
      await remove(id);
      assert.deepEqual(await volume.listVolumes({ name: bench.name('deleted') }), []);
      const error = await failure(volume.setImageMetadata(id, { a: 'b' }), 'NotFound');
      assert.match(error.message, new RegExp(`Cinder .* refused POST .*/volumes/${id}/action \\(404\\): Volume ${id} could not be found`)); // prettier-ignore
      assert.match(error.requestId ?? '', /^req-/);
    });

    it('is refused when the image is unknown, not active or too large', async () => {
      const { volume, image } = bench.cloud;
      const request = { name: bench.name('refused'), size: 1, metadata: {} };
      const unknown = volume.createVolume({ ...request, imageRef: randomUUID() });
      assert.match((await failure(unknown, 'BadRequest')).message, /Invalid image identifier/);
      const queued = volume.createVolume({ ...request, imageRef: (await bench.queuedImage()).id });
      assert.match((await failure(queued, 'BadRequest')).message, /is not active/);
      const { id } = await bench.activeImage();
      await image.updateImage(id, [{ op: 'replace', path: '/min_disk', value: 2 }]);
      const small = volume.createVolume({ ...request, imageRef: id });
      assert.match((await failure(small, 'BadRequest')).message, /Volume size 1GB cannot be smaller than the image minDisk size 2GB/); // prettier-ignore
    });

    it('is refused when it exceeds a quota, which the error names', async () => {
      const request = { name: bench.name('large'), size: 1_000_000, metadata: {} };
      const error = await failure(bench.cloud.volume.createVolume(request), 'QuotaExceeded');
      assert.deepEqual([error.status, error.retryable, error.retryAfterSeconds], [413, true, undefined]);
      assert.match(error.message, /exceeds allowed gigabytes quota\. Requested 1000000G, quota is \d+G/);
    });

    it('is uploaded as an image with its image properties and those that a caller has set', async () => {
      const { volume, image: images } = bench.cloud;
      const image = await bench.activeImage({ contract_property: 'a b', contract_other: 'old' });
      const { id } = await available('uploaded', image.id);
      await volume.setImageMetadata(id, { contract_other: 'new', contract_build: bench.tag });
      const name = bench.name('upload');
      const uploadId = await volume.uploadToImage(id, { image_name: name, ...UPLOAD });
      bench.later(() => images.deleteImage(uploadId));
      const begun = await images.getImage(uploadId);
      assert.equal(
        begun?.['contract_build'],
        bench.tag,
        'the image does not have the property from the beginning of the upload',
      );
      assert.equal((await volumeIn(id, 'available')).status, 'available');
      const upload = await images.getImage(uploadId);
      assert.equal(upload?.status, 'active');
      assert.ok((upload.size ?? 0) > 0);
      assert.deepEqual(
        [upload.name, upload.disk_format, upload.container_format, upload['visibility'], upload.virtual_size, upload.min_disk, upload.min_ram],
        [name, 'qcow2', 'bare', 'private', 1024 ** 3, 0, 0],
      ); // prettier-ignore
      assert.deepEqual(
        ['contract_property', 'contract_other', 'contract_build', 'image_id', 'image_name'].map((key) => upload[key]),
        ['a b', 'new', bench.tag, undefined, undefined],
      );
    });

    it('cannot be created from an uploaded volume’s image until the property signature_verified is removed', async () => {
      const { volume, image: images } = bench.cloud;
      const { id } = await available('first', (await bench.activeImage({ contract_property: 'a b' })).id);
      const uploadId = await volume.uploadToImage(id, { image_name: bench.name('second'), ...UPLOAD });
      bench.later(() => images.deleteImage(uploadId));
      await volumeIn(id, 'available');
      assert.equal((await images.getImage(uploadId))?.['signature_verified'], 'False');
      const failed = await volumeIn((await create('second', uploadId)).id, 'error');
      assert.equal(failed.bootable, true);
      assert.deepEqual(failed.volume_image_metadata, { signature_verified: 'False' });
      assert.deepEqual(await volume.listMessages(failed.id), [], 'Cinder has a message for this failure');
      await images.updateImage(uploadId, [{ op: 'remove', path: '/signature_verified' }]);
      await available('third', uploadId);
    });

    it('has a message about its failed upload', async () => {
      const { volume, image: images } = bench.cloud;
      const { id } = await available('told', (await bench.activeImage()).id);
      bench.later(() => removeMessages(id));
      assert.deepEqual(await volume.listMessages(id), []);
      const uploadId = await volume.uploadToImage(id, { image_name: bench.name('told'), ...UPLOAD });
      await images.deleteImage(uploadId);
      await volumeIn(id, 'available');
      const words = 'copy volume to image:Failed to upload volume to image at backend.';
      assert.deepEqual(await volume.listMessages(id), [words]);
      const [message] = await messages(id);
      assert.deepEqual(
        [message?.event_id, message?.message_level, message?.resource_type, message?.resource_uuid],
        ['VOLUME_VOLUME_003_004', 'ERROR', 'VOLUME', id],
      );
      const unfiltered = await messages(randomUUID(), '3.4');
      assert.ok(unfiltered.some((one) => one.id === message?.id), 'microversion 3.4 does not list the messages of all volumes'); // prettier-ignore
      await remove(id);
      assert.deepEqual(
        await volume.listMessages(id),
        [words],
        'the message does not exist after the deletion of the volume',
      );
    });

    it('has messages from microversion 3.3 on', async () => {
      const id = randomUUID();
      assert.deepEqual(await bench.cloud.volume.listMessages(id), []);
      assert.match((await failure(messages(id, '3.2'), 'NotFound')).message, /The resource could not be found/);
      const unknown: unknown = await messages(id, '3.999').catch((error: unknown) => error);
      assert.ok(unknown instanceof FactoryError);
      assert.deepEqual([unknown.status, unknown.retryable], [406, false]);
      assert.match(unknown.message, /Version 3\.999 is not supported by the API/);
    });

    it('refuses another upload and its deletion during an upload', async () => {
      const { volume, image } = bench.cloud;
      const { id } = await available('busy', (await bench.activeImage()).id);
      const request = { image_name: bench.name('busy'), ...UPLOAD };
      const uploadId = await volume.uploadToImage(id, request);
      bench.later(() => image.deleteImage(uploadId));
      const again = await failure(volume.uploadToImage(id, request), 'Conflict');
      assert.match(again.message, /Invalid volume: Volume .* status must be available/);
      await failure(volume.deleteVolume(id), 'Conflict');
      await volumeIn(id, 'available');
    });

    it('is in use as a disk of a server, and available after the server is deleted', async () => {
      const { compute, volume } = bench.cloud;
      const image = await bench.activeImage({ os_shutdown_timeout: '1' });
      const [root, drive] = await Promise.all([available('root', image.id), available('drive', image.id)]);
      const devices: BlockDevice[] = [
        { ...MAPPED, uuid: root.id, boot_index: 0 },
        { ...MAPPED, uuid: drive.id, boot_index: 1, device_type: 'cdrom' },
      ];
      const id = await server(devices);
      assert.ok(['reserved', 'attaching', 'in-use'].includes((await volume.getVolume(root.id))?.status ?? ''));
      const active = await bench.serverIn(id, 'ACTIVE');
      assert.equal(active.image, '');
      for (const one of [root, drive]) {
        const attached = await volumeIn(one.id, 'in-use');
        assert.deepEqual(attached.attachments.map(({ server_id }) => server_id), [id]); // prettier-ignore
        assert.match((await failure(volume.deleteVolume(one.id), 'Conflict')).message, /Volume status must be available or error/); // prettier-ignore
      }
      await failure(volume.uploadToImage(root.id, { image_name: bench.name('early'), ...UPLOAD }), 'Conflict');
      const taken = await failure(server(devices.slice(0, 1)), 'Conflict');
      assert.match(
        taken.message,
        /status must be available or downloading to reserve, but the current status is in-use/,
      );

      await compute.deleteServer(id);
      await eventually(
        'server deleted',
        () => compute.getServer(id),
        (found) => found === undefined,
      );
      for (const one of [root, drive]) assert.equal((await volume.getVolume(one.id))?.status, 'available');
    });

    it('is the CD-ROM of a server whose root disk is a copy of an image', async () => {
      const { id: imageRef } = await bench.activeImage({ os_shutdown_timeout: '1' });
      const drive = await available('medium', imageRef);
      const cdrom: BlockDevice = { ...MAPPED, uuid: drive.id, boot_index: 1, device_type: 'cdrom' };
      const disk: BlockDevice = {
        uuid: imageRef,
        source_type: 'image',
        destination_type: 'local',
        boot_index: 0,
        delete_on_termination: true,
      };
      const alone = await failure(server([cdrom], imageRef), 'BadRequest');
      assert.match(alone.message, /Boot sequence for the instance and image\/block device mapping combination is not valid/); // prettier-ignore
      const id = await server([disk, cdrom], imageRef);
      const active = await bench.serverIn(id, 'ACTIVE');
      assert.equal((active.image as { id: string }).id, imageRef);
      await bench.removeServer(id);
      assert.equal((await bench.cloud.volume.getVolume(drive.id))?.status, 'available');
    });

    it('cannot be a root disk when it is empty or does not exist', async () => {
      const blank = await available('blank');
      const empty = await failure(server([{ ...MAPPED, uuid: blank.id, boot_index: 0 }]), 'BadRequest');
      assert.match(empty.message, new RegExp(`Block Device ${blank.id} is not bootable`));
      const uuid = randomUUID();
      const unknown = await failure(server([{ ...MAPPED, uuid, boot_index: 0 }]), 'BadRequest');
      assert.match(unknown.message, new RegExp(`failed to get volume ${uuid}`));
      await failure(server([]), 'BadRequest');
    });

    it('is not copied when it is a root disk and Nova creates an image of the server', async () => {
      const { compute, image: images, volume } = bench.cloud;
      const root = await available('pointed-at', (await bench.activeImage({ contract_property: 'a b' })).id);
      bench.later(() => removeSnapshots(root.id));
      const id = await server([{ ...MAPPED, uuid: root.id, boot_index: 0 }]);
      await bench.serverIn(id, 'ACTIVE');
      const snapshotId = await compute.createServerImage(id, bench.name('pointer'), { contract_role: 'pointer' });
      bench.later(() => images.deleteImage(snapshotId));
      const snapshot = await images.getImage(snapshotId);
      assert.deepEqual(
        [snapshot?.status, snapshot?.size, snapshot?.['contract_property'], snapshot?.['contract_role'], snapshot?.['base_image_ref'], snapshot?.['bdm_v2']],
        ['active', 0, 'a b', 'pointer', '', 'True'],
      ); // prettier-ignore
      await bench.removeServer(id);
      await failure(volume.deleteVolume(root.id), 'Conflict');
      await removeSnapshots(root.id);
      await remove(root.id);
    });

    it('can be the root disk when the flavor has no disk, but a copy of an image cannot', async (context) => {
      const flavors = (await bench.cloud.compute.listFlavors()).filter(({ disk }) => disk === 0);
      if (flavors.length === 0) {
        context.skip('the cloud has no flavor without a disk');
        return;
      }
      const image = await bench.activeImage();
      const flavorRef = smallest(flavors).id;
      const error = await failure(bench.server({ imageRef: image.id, flavorRef }), 'Forbidden');
      assert.match(error.message, /Only volume-backed servers are allowed for flavors with zero disk/);
      const root = await available('disk', image.id);
      const { id } = await bench.server({ flavorRef, block_device_mapping_v2: [{ ...MAPPED, uuid: root.id, boot_index: 0 }] }, false); // prettier-ignore
      await bench.serverIn(id, 'ACTIVE');
      await bench.removeServer(id);
    });
  });
}
