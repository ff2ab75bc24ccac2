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
 * What this program relies on in a cloud. The cases run unchanged against every cloud, so that one which stands in for
 * OpenStack in other tests is known to behave like it. Everything that they make is removed at the end.
 * @param name of the cloud, for the report
 * @param connect answers how to reach it: a user who may create servers in a project, by password
 * @param here an address of this machine that the cloud reaches; what needs one is left out when it is undefined
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
