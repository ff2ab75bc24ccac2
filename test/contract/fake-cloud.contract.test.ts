import { after } from 'node:test';
import { settingsFromEnvironment } from '../../src/openstack/cloud-config.js';
import { FakeCloud } from '../fake-cloud/fake-cloud.js';
import { FLAVORS } from '../fake-cloud/options.js';
import { describeCloudContract } from './cloud-contract.js';

let cloud: FakeCloud | undefined;

after(() => cloud?.close());

describeCloudContract('fake', async () => {
  const flavors = [...FLAVORS, { name: 'm1.volume', ram: 512, vcpus: 1, disk: 0 }];
  cloud = await FakeCloud.start({ flavors, quotas: { instances: 10, cores: 20, ram: 51_200, gigabytes: 1000 } });
  return settingsFromEnvironment(cloud.env(), process.cwd());
});
