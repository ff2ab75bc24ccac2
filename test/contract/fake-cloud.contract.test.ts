import { after } from 'node:test';
import { settingsFromEnvironment } from '../../src/openstack/cloud-config.js';
import { FakeCloud } from '../fake-cloud/fake-cloud.js';
import { describeCloudContract } from './cloud-contract.js';

let cloud: FakeCloud | undefined;

after(() => cloud?.close());

describeCloudContract('fake', async () => {
  cloud = await FakeCloud.start({ quotas: { instances: 10, cores: 20, ram: 51_200 } });
  return settingsFromEnvironment(cloud.env(), process.cwd());
});
