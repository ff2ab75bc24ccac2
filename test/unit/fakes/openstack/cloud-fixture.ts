import { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { connectGuest } from '../../../../src/guest/connect.js';
import { buildHostKeyUserData } from '../../../../src/guest/cloud-config.js';
import { generateKeyPair } from '../../../../src/guest/keys.js';
import { FactoryError } from '../../../../src/domain/errors.js';
import type { Guest } from '../../../../src/guest/types.js';
import { connectCloud } from '../../../../src/openstack/index.js';
import { readEnvironmentSettings } from '../../../../src/openstack/config/cloud-config.js';
import type {
  BlockDevice,
  Cloud,
  CreateServer,
  CreateVolume,
  Image,
  Server,
  Volume,
} from '../../../../src/openstack/types.js';
import { FakeCloud, type FakeCloudOptions } from '../../../fakes/openstack/fake-cloud.js';

/** Milliseconds for which a test waits for a condition. */
const TIMEOUT = 30_000;

const VOLUME = { source_type: 'volume', destination_type: 'volume', delete_on_termination: false } as const;

/** Returns the block device of a volume from which a server boots. */
export function rootDisk(uuid: string): BlockDevice {
  return { ...VOLUME, uuid, boot_index: 0 };
}

/** Returns the block device of a volume in a CD-ROM drive, second in the boot order. */
export function cdrom(uuid: string): BlockDevice {
  return { ...VOLUME, uuid, boot_index: 1, device_type: 'cdrom' };
}

/** A fake cloud with a client, and the operations that the tests of the fake cloud share. */
export class CloudFixture {
  readonly loginKey = generateKeyPair();
  readonly hostKey = generateKeyPair();

  private constructor(
    readonly fake: FakeCloud,
    readonly cloud: Cloud,
  ) {}

  static async start(options: FakeCloudOptions = {}): Promise<CloudFixture> {
    const fake = await FakeCloud.start(options);
    return new CloudFixture(fake, connectCloud(readEnvironmentSettings(fake.env(), process.cwd())));
  }

  async close(): Promise<void> {
    await this.cloud.close();
    await this.fake.close();
  }

  async waitFor<T>(ask: () => Promise<T>, wanted: (answer: T) => boolean): Promise<T> {
    const deadline = Date.now() + TIMEOUT;
    for (;;) {
      const answer = await ask();
      if (wanted(answer)) return answer;
      if (Date.now() > deadline) throw new Error(`timed out waiting; the last answer: ${JSON.stringify(answer)}`);
      await delay(5);
    }
  }

  async createImage(properties: Record<string, string> = {}): Promise<Image> {
    const { image } = this.cloud;
    const { id } = await image.createImage({ name: 'disk', disk_format: 'raw', container_format: 'bare', properties });
    await image.uploadImage(id, Readable.from([Buffer.alloc(1000)]), { size: 1000 });
    return (await image.getImage(id)) as Image;
  }

  /** Creates an image that boots an installer, because its properties name a kernel. */
  async createInstallerImage(): Promise<Image> {
    const kernel = await this.createImage();
    return this.createImage({ kernel_id: kernel.id, ramdisk_id: kernel.id, os_command_line: 'console=ttyS0' });
  }

  /** Creates a volume of 1 GiB, and waits until it is available. */
  async createVolume(request: Partial<CreateVolume> = {}): Promise<string> {
    const { volume } = this.cloud;
    const { id } = await volume.createVolume({ name: 'volume', size: 1, metadata: {}, ...request });
    await this.waitForVolume(id, 'available');
    return id;
  }

  async waitForVolume(id: string, status: string): Promise<Volume> {
    return (await this.waitFor(
      () => this.cloud.volume.getVolume(id),
      (volume) => volume?.status === status,
    )) as Volume;
  }

  /** @param imageRef undefined for a server that boots from a volume */
  async createServer(imageRef: string | undefined, request: Partial<CreateServer> = {}): Promise<string> {
    const network = await this.cloud.network.findNetwork('private');
    const flavor = await this.cloud.compute.findFlavor('m1.small');
    const networks = [{ uuid: network?.id ?? '' }];
    return (
      await this.cloud.compute.createServer({
        name: 'server',
        ...(imageRef === undefined ? {} : { imageRef }),
        flavorRef: flavor?.id ?? '',
        networks,
        ...request,
      })
    ).id;
  }

  async waitForServer(id: string, status: string): Promise<Server> {
    const wanted = (server: Server | undefined): boolean =>
      server?.status === status && server['OS-EXT-STS:task_state'] === null;
    return (await this.waitFor(() => this.cloud.compute.getServer(id), wanted)) as Server;
  }

  async waitForDeletion(id: string): Promise<void> {
    await this.waitFor(
      () => this.cloud.compute.getServer(id),
      (server) => server === undefined,
    );
  }

  async createSnapshot(serverId: string): Promise<Image> {
    const id = await this.cloud.compute.createServerImage(serverId, 'snapshot', {});
    return (await this.waitFor(
      () => this.cloud.image.getImage(id),
      (image) => image?.status === 'active',
    )) as Image;
  }

  /** Boots a guest that accepts logins with {@link loginKey} and has {@link hostKey}. */
  async createGuest(
    imageRef: string | undefined,
    request: Partial<CreateServer> = {},
  ): Promise<{ id: string; address: string }> {
    const { compute, network } = this.cloud;
    if ((await compute.getKeyPair('login')) === undefined) {
      await compute.createKeyPair('login', this.loginKey.publicKey);
      const group = await network.createSecurityGroup({ name: 'guest', description: '', tags: [] });
      const rule = { direction: 'ingress', ethertype: 'IPv4', protocol: 'tcp', port_range_min: 22, port_range_max: 22, remote_ip_prefix: '127.0.0.1/32' } as const; // prettier-ignore
      await network.addSecurityGroupRule(group.id, rule);
    }
    const userData = buildHostKeyUserData(this.hostKey);
    const access = {
      key_name: 'login',
      security_groups: [{ name: 'guest' }],
      user_data: Buffer.from(userData).toString('base64'),
      ...request,
    };
    const id = await this.createServer(imageRef, access);
    const { addresses } = await this.waitForServer(id, 'ACTIVE');
    return { id, address: addresses['private']?.[0]?.addr ?? '' };
  }

  connect(address: string, username = 'debian'): Promise<Guest> {
    const port = this.fake.findSshPort(address) ?? 22;
    const { privateKey } = this.loginKey;
    return connectGuest(
      { host: address, port, username, privateKey, hostKeys: [this.hostKey.publicKey], commandPrefix: 'sudo' },
      { timeout: 20 },
    );
  }

  /** Connects to a guest, and retries until the guest accepts the connection. */
  async waitForLogin(address: string): Promise<Guest> {
    const deadline = Date.now() + TIMEOUT;
    for (;;) {
      try {
        return await this.connect(address);
      } catch (error) {
        if (!(error instanceof FactoryError && error.retryable) || Date.now() > deadline) throw error;
        await delay(20);
      }
    }
  }
}
