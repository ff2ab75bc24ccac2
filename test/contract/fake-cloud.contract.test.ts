import { after } from 'node:test';
import { readEnvironmentSettings } from '../../src/openstack/config/cloud-config.js';
import type { CloudSettings } from '../../src/openstack/config/cloud-settings.js';
import { FakeCloud } from '../fakes/openstack/fake-cloud.js';
import { FLAVORS } from '../fakes/openstack/options.js';
import { describeCloudContract } from './cloud-contract.js';

let cloud: FakeCloud | undefined;

after(() => cloud?.close());

async function start(): Promise<CloudSettings> {
  const flavors = [...FLAVORS, { name: 'm1.volume', ram: 512, vcpus: 1, disk: 0 }];
  // In milliseconds. The upload takes so long that a test can delete the image during the upload.
  const durations = { volumeUpload: 500 };
  cloud = await FakeCloud.start({
    flavors,
    durations,
    quotas: { instances: 10, cores: 20, ram: 51_200, gigabytes: 1000 },
  });
  return readEnvironmentSettings(cloud.env(), process.cwd());
}

describeCloudContract('fake', start, '127.0.0.1');
