import { files } from '../../../../src/providers/files/files.js';
import { FakeWeb } from '../../../fakes/providers/files/fake-web.js';
import { describeFaults } from './fault-table.js';
import { settingsOf } from './harness.js';

describeFaults('web server', async () => {
  const fake = new FakeWeb({ folders: true });
  await fake.server.listen();
  return {
    server: fake.server,
    connect: () => files.connect(settingsOf({ url: `${fake.server.url}/files`, verify: 'read' })),
    files: () => fake.files,
    unfinished: () => 0,
  };
});
