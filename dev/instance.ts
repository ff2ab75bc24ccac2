import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { findLocalAddress } from '../src/activities/instance/security-group.js';
import { FactoryError } from '../src/domain/errors.js';
import { buildHostKeyUserData } from '../src/guest/cloud-config.js';
import { connectGuest } from '../src/guest/connect.js';
import { generateKeyPair, type SshKeyPair } from '../src/guest/keys.js';
import type { Guest } from '../src/guest/types.js';
import type { Cloud, Server } from '../src/openstack/types.js';

/** Options of an instance that is booted from an image in order to inspect the image. */
export interface InstanceOptions {
  imageId: string;
  /** Flavor, by id or name. */
  flavor: string;
  /** Name of the network. Default: the first network that is not external. */
  network?: string;
  /** The user for whom cloud-init installs our public SSH key. */
  user: string;
  commandPrefix: string;
  /** Seconds within which the SSH login must succeed. Default 600. */
  timeout?: number;
  say?: (line: string) => void;
}

/**
 * Boots an instance of an image, and calls `look` with a connection to it. Then deletes all resources that this
 * function has created.
 */
export async function withInstance<T>(
  cloud: Cloud,
  options: InstanceOptions,
  look: (guest: Guest, address: string) => Promise<T>,
): Promise<T> {
  const name = `imagefactory-try-${randomUUID()}`;
  const undo: (() => Promise<void>)[] = [];
  const deadline = Date.now() + (options.timeout ?? 600) * 1000;
  try {
    const keys = { login: generateKeyPair(), host: generateKeyPair() };
    const server = await bootInstance(cloud, name, options, keys, undo);
    const address = await findAddress(cloud, name, server, deadline, undo);
    options.say?.(`instance ${server} has address ${address}; waiting for the SSH login of user ${options.user}`);
    const guest = await connectWhenReady(address, options, keys, deadline);
    try {
      return await look(guest, address);
    } finally {
      guest.close();
    }
  } finally {
    for (const step of undo.reverse())
      await step().catch((error: unknown) => options.say?.(`a resource could not be deleted: ${String(error)}`));
  }
}

async function findNetworkId(cloud: Cloud, name: string | undefined): Promise<string> {
  const networks = await cloud.network.listNetworks();
  const found = networks.find((network) => (name === undefined ? !network['router:external'] : network.name === name));
  if (found === undefined)
    throw new FactoryError('NotFound', `the project has no network ${name ?? 'that is not external'}`);
  return found.id;
}

async function bootInstance(
  cloud: Cloud,
  name: string,
  options: InstanceOptions,
  keys: { login: SshKeyPair; host: SshKeyPair },
  undo: (() => Promise<void>)[],
): Promise<string> {
  const flavor = await cloud.compute.findFlavor(options.flavor);
  if (flavor === undefined) throw new FactoryError('NotFound', `the cloud has no flavor ${options.flavor}`);
  const network = await findNetworkId(cloud, options.network);
  const group = await cloud.network.createSecurityGroup({ name, description: 'a look into a new image', tags: [] });
  undo.push(() => cloud.network.deleteSecurityGroup(group.id));
  await cloud.network.addSecurityGroupRule(group.id, {
    direction: 'ingress',
    ethertype: 'IPv4',
    protocol: 'tcp',
    port_range_min: 22,
    port_range_max: 22,
    remote_ip_prefix: '0.0.0.0/0',
  });
  await cloud.compute.createKeyPair(name, keys.login.publicKey);
  undo.push(() => cloud.compute.deleteKeyPair(name));
  const { id } = await cloud.compute.createServer({
    name,
    imageRef: options.imageId,
    flavorRef: flavor.id,
    networks: [{ uuid: network }],
    key_name: name,
    security_groups: [{ name: group.id }],
    user_data: Buffer.from(buildHostKeyUserData(keys.host)).toString('base64'),
  });
  undo.push(async () => {
    await cloud.compute.deleteServer(id);
    while ((await cloud.compute.getServer(id)) !== undefined) await delay(1000);
  });
  return id;
}

async function waitUntilActive(cloud: Cloud, id: string, deadline: number): Promise<Server> {
  while (Date.now() < deadline) {
    const server = await cloud.compute.getServer(id);
    if (server?.status === 'ACTIVE') return server;
    if (server === undefined || server.status === 'ERROR') {
      throw new FactoryError(
        'ServerFailed',
        `instance ${id} is gone or in ERROR: ${server?.fault?.message ?? 'Nova gives no reason'}`,
      );
    }
    await delay(1000);
  }
  throw new FactoryError('DeadlineExceeded', `instance ${id} did not become ACTIVE in time`);
}

async function findAddress(
  cloud: Cloud,
  name: string,
  id: string,
  deadline: number,
  undo: (() => Promise<void>)[],
): Promise<string> {
  await waitUntilActive(cloud, id, deadline);
  const [port] = await cloud.network.listPorts({ device_id: id });
  if (port === undefined) throw new FactoryError('NotFound', `instance ${id} has no port`);
  const external = await cloud.network.findExternalNetwork(port.network_id);
  const fixed = port.fixed_ips[0]?.ip_address;
  if (external === undefined) {
    if (fixed === undefined) throw new FactoryError('NotFound', `instance ${id} has no address`);
    await findLocalAddress(fixed);
    return fixed;
  }
  const floating = await cloud.network.createFloatingIp({
    floating_network_id: external,
    port_id: port.id,
    description: name,
    tags: [],
  });
  undo.push(() => cloud.network.deleteFloatingIp(floating.id));
  return floating.floating_ip_address;
}

async function connectWhenReady(
  host: string,
  options: InstanceOptions,
  keys: { login: SshKeyPair; host: SshKeyPair },
  deadline: number,
): Promise<Guest> {
  const address = {
    host,
    username: options.user,
    privateKey: keys.login.privateKey,
    hostKeys: [keys.host.publicKey],
    commandPrefix: options.commandPrefix,
  };
  for (;;) {
    try {
      return await connectGuest(address, { timeout: 30 });
    } catch (error) {
      if (!(error instanceof FactoryError && error.retryable) || Date.now() >= deadline) throw error;
      await delay(2000);
    }
  }
}
