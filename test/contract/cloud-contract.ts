import { after, before, describe } from 'node:test';
import type { CloudSettings } from '../../src/openstack/config/cloud-settings.js';
import { Bench } from './bench.js';
import { describeCompute } from './compute-contract.js';
import { describeImageImport } from './image-import-contract.js';
import { describeIdentity } from './identity-contract.js';
import { describeImages } from './image-contract.js';
import { describeNetwork } from './network-contract.js';
import { describeSweeper } from './sweeper-contract.js';
import { describeVolumes } from './volume-contract.js';

/**
 * Declares the contract tests. They check the behaviour of a cloud on which this program relies. The same tests run
 * against the fake cloud and against a real one, and so show that the fake cloud behaves like OpenStack. At the end the
 * tests remove all resources that they have created.
 *
 * @param name name of the cloud, for the report
 * @param connect returns the settings of the cloud: a user with a password who may create servers in a project
 * @param here the address at which the cloud can reach this machine. Undefined: the tests that need it are skipped
 */
export function describeCloudContract(
  name: string,
  connect: () => Promise<CloudSettings>,
  here: string | undefined,
): void {
  describe(`the contract with a cloud: ${name}`, { timeout: 10 * 60_000 }, () => {
    const bench = new Bench(here);
    before(async () => bench.open(await connect()));
    after(() => bench.clear());
    describeIdentity(bench);
    describeCompute(bench);
    describeImages(bench);
    describeImageImport(bench);
    describeNetwork(bench);
    describeVolumes(bench);
    describeSweeper(bench);
  });
}
