import { FakeS3 } from '../../../fakes/providers/files/fake-s3.js';
import { describeFaults } from './fault-table.js';
import { connectTo, PART } from './harness.js';

describeFaults('bucket', async () => {
  const fake = new FakeS3({ smallestPart: PART });
  await fake.server.listen();
  return {
    server: fake.server,
    connect: () => connectTo(fake, { prefix: '' }),
    files: () => new Map([...fake.objects].map(([name, { body }]) => [name, body])),
    unfinished: () => fake.uploads.size,
  };
});
