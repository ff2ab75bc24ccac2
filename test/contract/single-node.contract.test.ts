import { networkInterfaces } from 'node:os';
import { describe, it } from 'node:test';
import { FactoryError } from '../../src/domain/errors.js';
import { readEnvironmentSettings, readEntrySettings } from '../../src/openstack/config/cloud-config.js';
import { readCloudEntries } from '../../src/openstack/config/config-files.js';
import { connectCloud } from '../../src/openstack/index.js';
import type { CloudSettings } from '../../src/openstack/config/cloud-settings.js';
import { describeCloudContract } from './cloud-contract.js';

/**
 * This machine on the single-node cloud's outer network (dev/openstack/README.md). Not 127.0.0.1, which that cloud
 * reaches as
 * well: Glance refuses to fetch anything from its own machine's loopback address.
 */
const OUTER = '198.51.100.1';

/** The address at which the cloud reaches this machine, if it is the one that runs here. */
function here(): string | undefined {
  const addresses = Object.values(networkInterfaces()).flatMap((ofOne) => ofOne ?? []);
  return addresses.find(({ address }) => address === OUTER)?.address;
}

/** The cloud of `OS_CLOUD`, else of the `OS_*` variables: the single-node cloud when its environment is loaded. */
function configuredCloud(): CloudSettings | undefined {
  const name = process.env['OS_CLOUD'];
  if (!name) return process.env['OS_AUTH_URL'] ? readEnvironmentSettings(process.env, process.cwd()) : undefined;
  const entry = readCloudEntries(process.env, process.cwd()).find((candidate) => candidate.name === name);
  return entry === undefined ? undefined : readEntrySettings(entry, process.env, process.cwd());
}

/** Why the contract cannot be tried, or undefined when it can. */
async function hindrance(settings: CloudSettings | undefined): Promise<string | undefined> {
  if (settings === undefined) return 'no cloud is named by OS_CLOUD or OS_AUTH_URL';
  const cloud = connectCloud(settings);
  try {
    await cloud.getProjectId({ signal: AbortSignal.timeout(15_000) });
    return undefined;
  } catch (error) {
    // A cloud that answers, but not as it should, is a failure of the contract.
    if (error instanceof FactoryError && error.type !== 'CloudUnavailable') return undefined;
    return `cloud ${settings.name} is not up: ${error instanceof Error ? error.message : String(error)}`;
  } finally {
    await cloud.close();
  }
}

const settings = configuredCloud();
const reason = await hindrance(settings);
if (settings === undefined || reason !== undefined) {
  describe('the contract with a cloud: single node', () => {
    it('is tried', { skip: reason }, () => undefined);
  });
} else {
  describeCloudContract('single node', () => Promise.resolve(settings), here());
}
