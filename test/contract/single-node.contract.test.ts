import { networkInterfaces } from 'node:os';
import { describe, it } from 'node:test';
import { FactoryError } from '../../src/domain/errors.js';
import { readEnvironmentSettings, readEntrySettings } from '../../src/openstack/config/cloud-config.js';
import { readCloudEntries } from '../../src/openstack/config/clouds-yaml.js';
import { connectCloud } from '../../src/openstack/index.js';
import type { CloudSettings } from '../../src/openstack/config/cloud-settings.js';
import { describeCloudContract } from './cloud-contract.js';

/**
 * The address of this machine in the outer network of the single-node cloud (dev/openstack/README.md). The cloud also
 * reaches 127.0.0.1, but Glance refuses to download anything from a loopback address.
 */
const OUTER = '198.51.100.1';

/**
 * Returns `OUTER` if this machine has that address. Otherwise the single-node cloud does not run on this machine, and
 * the result is undefined.
 */
function here(): string | undefined {
  const addresses = Object.values(networkInterfaces()).flatMap((ofOne) => ofOne ?? []);
  return addresses.find(({ address }) => address === OUTER)?.address;
}

/**
 * Reads the settings of the cloud that `OS_CLOUD` or the other `OS_*` variables name. That is the single-node cloud if
 * its environment is loaded. Returns undefined when no variable names a cloud.
 */
function configuredCloud(): CloudSettings | undefined {
  const name = process.env['OS_CLOUD'];
  if (!name) return process.env['OS_AUTH_URL'] ? readEnvironmentSettings(process.env, process.cwd()) : undefined;
  const entry = readCloudEntries(process.env, process.cwd()).find((candidate) => candidate.name === name);
  return entry === undefined ? undefined : readEntrySettings(entry, process.env, process.cwd());
}

/** Returns the reason why the contract tests cannot run, or undefined when they can. */
async function hindrance(settings: CloudSettings | undefined): Promise<string | undefined> {
  if (settings === undefined)
    return 'no cloud is configured: set OS_CLOUD to an entry of clouds.yaml, or set OS_AUTH_URL';
  const cloud = connectCloud(settings);
  try {
    await cloud.getProjectId({ signal: AbortSignal.timeout(15_000) });
    return undefined;
  } catch (error) {
    // The cloud answers, but with an error. Then the contract tests must run and fail.
    if (error instanceof FactoryError && error.type !== 'CloudUnavailable') return undefined;
    return `cloud ${settings.name} does not answer: ${error instanceof Error ? error.message : String(error)}`;
  } finally {
    await cloud.close();
  }
}

const settings = configuredCloud();
const reason = await hindrance(settings);
if (settings === undefined || reason !== undefined) {
  describe('the contract with a cloud: single node', () => {
    it('is tested', { skip: reason }, () => undefined);
  });
} else {
  describeCloudContract('single node', () => Promise.resolve(settings), here());
}
