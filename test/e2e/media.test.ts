import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { STATUS_QUERY } from '../../src/domain/messages.js';
import type { BuildStatus } from '../../src/domain/status.js';
import { makeIso } from '../support/iso.js';
import { DebianEnvironment, EXAMPLE } from './support/debian-environment.js';
import { demoKernel, imagesOf, leftovers, noCloud } from './support/single-node.js';

/**
 * Installs the same Debian on a volume, from a medium that is built like Debian's smallest one (mini.iso). The build
 * adds our boot loader to the medium, a real firmware boots it from a CD-ROM drive, and Cinder creates the images.
 */
describe('a Debian from its medium, on a volume of the single-node cloud', { skip: noCloud() }, () => {
  let environment: DebianEnvironment;
  let server: Server;
  before(async () => {
    environment = await DebianEnvironment.start();
    const { kernel, ramdisk } = await demoKernel();
    const medium = await readFile(
      await makeIso(environment.storage, 'Debian mini', { linux: kernel, 'initrd.gz': ramdisk }),
    );
    server = createServer((_request, response) => void response.end(medium));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });
  after(async () => {
    server?.close();
    await environment?.stop();
  });

  it(
    'is installed, customised and becomes an image, and the build leaves nothing else',
    { timeout: 20 * 60_000 },
    async () => {
      const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/mini.iso`;
      const template = join(environment.storage, 'mini.tdl');
      const install = `<install type='iso'><iso>${address}</iso></install>`;
      await writeFile(template, (await readFile(EXAMPLE, 'utf8')).replace(/<install[\s\S]*<\/install>/, install));
      const { uuid, code, output } = await environment.build(template, { boot_method: 'iso', root_disk: 'volume' });
      assert.equal(code, 0, output);
      const handle = environment.temporal.client.workflow.getHandle(`base_image-${uuid}`);
      const { jeosWorkflowId = '' } = await handle.query<BuildStatus>(STATUS_QUERY);
      const { runId } = await environment.temporal.client.workflow.getHandle(jeosWorkflowId).describe();
      assert.deepEqual(await leftovers(environment.cloud, [uuid, runId]), []);
      const record = await environment.record(uuid);
      const made = await imagesOf(environment.cloud, [uuid, runId]);
      assert.deepEqual(made.sort(), [record.glance_id, record.jeos.glance_id].sort());
      await environment.inspect(record.glance_id);
      await environment.forget(record);
    },
  );
});
