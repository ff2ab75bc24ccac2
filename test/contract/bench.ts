import assert from 'node:assert/strict';
import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { FactoryError, type ErrorType } from '../../src/domain/errors.js';
import { connectCloud } from '../../src/openstack/index.js';
import type { CloudSettings } from '../../src/openstack/config/cloud-settings.js';
import type { Cloud, CreateServer, Flavor, Image, Server } from '../../src/openstack/types.js';

/**
 * The bytes of the images that the tests upload: an empty disk of 1 MiB. Every hypervisor can start a machine with this
 * disk, but the machine finds nothing to boot.
 */
export const DISK = Buffer.alloc(1024 * 1024);
/** Milliseconds that a cloud may take for one change of a resource. */
const PATIENCE = 180_000;

/**
 * Calls `ask` every 300 ms until `wanted` accepts the answer, and returns that answer.
 *
 * @throws Error when `wanted` accepts no answer within `PATIENCE` milliseconds
 */
export async function eventually<T>(what: string, ask: () => Promise<T>, wanted: (answer: T) => boolean): Promise<T> {
  const end = Date.now() + PATIENCE;
  for (;;) {
    const answer = await ask();
    if (wanted(answer)) return answer;
    if (Date.now() > end) throw new Error(`${what}: still ${JSON.stringify(answer)} after ${PATIENCE / 1000} s`);
    await delay(300);
  }
}

/** Waits until a call fails, and returns its error, which must be a `FactoryError` of the given type. */
export async function failure(promise: Promise<unknown>, type: ErrorType): Promise<FactoryError> {
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  assert.ok(
    error instanceof FactoryError,
    `the call must fail with FactoryError ${type}, but the result is ${String(error)}`,
  );
  assert.equal(error.type, type, error.message);
  return error;
}

export function publicKey(comment: string): string {
  const { publicKey: key } = generateKeyPairSync('ed25519');
  const raw = key.export({ type: 'spki', format: 'der' }).subarray(-32);
  const field = (bytes: Buffer): Buffer => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(bytes.length);
    return Buffer.concat([length, bytes]);
  };
  const blob = Buffer.concat([field(Buffer.from('ssh-ed25519')), field(raw)]);
  return `ssh-ed25519 ${blob.toString('base64')} ${comment}`;
}

export function smallest(flavors: Flavor[]): Flavor {
  const [first] = flavors.toSorted((a, b) => a.ram - b.ram);
  assert.ok(first !== undefined, 'the cloud has no flavor');
  return first;
}

/**
 * The resources that one run of the tests creates. All have the run's tag, so that no run finds the resources of
 * another run.
 */
export class Bench {
  readonly tag = `contract=${randomUUID()}`;
  private readonly undo: (() => Promise<void>)[] = [];
  private readonly connected: Cloud[] = [];
  private opened: { settings: CloudSettings; cloud: Cloud } | undefined;

  /** @param here the address at which the cloud can reach this machine; undefined when we know no such address */
  constructor(readonly here?: string) {}

  /** Connects to the cloud. Must be called before all other methods. */
  open(settings: CloudSettings): void {
    this.opened = { settings, cloud: connectCloud(settings) };
    this.connected.push(this.opened.cloud);
  }

  get cloud(): Cloud {
    assert.ok(this.opened !== undefined);
    return this.opened.cloud;
  }

  get settings(): CloudSettings {
    assert.ok(this.opened !== undefined);
    return this.opened.settings;
  }

  /** Connects to the same cloud a second time, with changed settings. */
  reached(change: Partial<CloudSettings>): Cloud {
    const other = connectCloud({ ...this.settings, ...change });
    this.connected.push(other);
    return other;
  }

  name(what: string): string {
    return `contract-${what}-${this.tag.slice(-8)}`;
  }

  /**
   * Registers a function that undoes a change. `clear` runs these functions at the end, also after failed tests. The
   * function that was registered last runs first.
   */
  later(undo: () => Promise<void>): void {
    this.undo.unshift(undo);
  }

  async clear(): Promise<void> {
    for (const undo of this.undo) await undo();
    await Promise.all(this.connected.map((one) => one.close()));
  }

  async queuedImage(properties: Record<string, string> = {}): Promise<Image> {
    const id = randomUUID();
    this.later(() => this.cloud.image.deleteImage(id));
    return this.cloud.image.createImage({
      id,
      name: this.name('image'),
      disk_format: 'raw',
      container_format: 'bare',
      visibility: 'private',
      tags: ['contract', this.tag],
      properties,
    });
  }

  async activeImage(properties: Record<string, string> = {}): Promise<Image> {
    const { id } = await this.queuedImage(properties);
    await this.cloud.image.uploadImage(id, Readable.from([DISK]), { size: DISK.length });
    const image = await this.cloud.image.getImage(id);
    assert.equal(image?.status, 'active');
    return image;
  }

  /**
   * @param fromImage whether the server boots a new image when `request` has no `imageRef`. False: it boots from a
   * volume
   */
  async server(request: Partial<CreateServer> = {}, fromImage = true): Promise<{ id: string; networkName: string }> {
    const { compute, network } = this.cloud;
    const networks = await network.listNetworks();
    // Nova does not allow a user to create a server on an external network.
    const usable = networks.find((candidate) => candidate.subnets.length > 0 && !candidate['router:external']);
    assert.ok(usable !== undefined, 'the cloud has no internal network with a subnet');
    // The empty disk has no system that reacts to the power button. With this property Nova waits only 1 s for a
    // shutdown.
    const image = fromImage && request.imageRef === undefined && (await this.activeImage({ os_shutdown_timeout: '1' }));
    const { id } = await compute.createServer({
      name: this.name('server'),
      ...(image === false ? {} : { imageRef: image.id }),
      flavorRef: smallest(await compute.listFlavors()).id,
      networks: [{ uuid: usable.id }],
      ...request,
    });
    this.later(() => this.removeServer(id));
    return { id, networkName: usable.name };
  }

  async removeServer(id: string): Promise<void> {
    await this.cloud.compute.deleteServer(id);
    // Nova may still show the deleted server for a moment, with the status DELETED.
    await eventually(
      'server deleted',
      () => this.cloud.compute.getServer(id),
      (server) => server === undefined,
    );
  }

  async serverIn(id: string, status: string): Promise<Server> {
    const server = await eventually(
      `server ${status}`,
      () => this.cloud.compute.getServer(id),
      (found) =>
        found === undefined ||
        found.status === 'ERROR' ||
        (found.status === status && found['OS-EXT-STS:task_state'] === null),
    );
    assert.ok(server !== undefined, `server ${id} does not exist any more`);
    assert.equal(server.status, status, server.fault?.message);
    return server;
  }
}
