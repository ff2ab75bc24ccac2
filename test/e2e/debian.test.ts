import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { STATUS_QUERY } from '../../src/domain/messages.js';
import type { BuildStatus } from '../../src/domain/status.js';
import { DebianEnvironment, EXAMPLE } from './support/debian-environment.js';
import { leftovers, noCloud } from './support/single-node.js';

/**
 * Runs the command of the article (docs/article.md) on a real OpenStack, from the boot of Debian's installer to the
 * base image. The test kills the worker while the installer runs. `faults.test.ts` tests the other faults.
 */
describe('a Debian on the single-node cloud', { skip: noCloud() }, () => {
  let environment: DebianEnvironment;
  before(async () => {
    environment = await DebianEnvironment.start();
  });
  after(() => environment?.stop());

  it(
    'is installed once, customised, listed and snapshotted, although its worker is killed',
    { timeout: 20 * 60_000 },
    async () => {
      let killing: Promise<void> | undefined;
      const begun = Date.now();
      const { uuid, code, output } = await environment.build(EXAMPLE, {}, (line) => {
        if (line.includes('wait until the installer powers its machine off')) killing ??= killWorker();
      });
      await killing;
      assert.equal(code, 0, output);
      assert.match(
        output,
        new RegExp(
          `\\n============ Final Image Details ============\\nUUID: ${uuid}\\nType: base_image\\nImage filename: ${environment.storage}/${uuid}\\.body\\nImage build completed SUCCESSFULLY!\\nImage file: none; [^\\n]*\\nGlance image: [0-9a-f-]{36}\\nChecksum: sha512:[0-9a-f]{128}\\n`,
        ),
      );
      assert.ok(killing !== undefined, 'the worker was not killed');
      const handle = environment.temporal.client.workflow.getHandle(`base_image-${uuid}`);
      const status = await handle.query<BuildStatus>(STATUS_QUERY);
      assert.equal(status.status, 'COMPLETE');
      const jeos = environment.temporal.client.workflow.getHandle(status.jeosWorkflowId ?? '');
      const installed = await jeos.describe();
      assert.deepEqual(await leftovers(environment.cloud, [uuid, installed.runId]), []);
      const events = (await handle.describe()).historyLength + installed.historyLength;
      assert.ok(events <= 200, `${events} history events`);

      const record = await environment.record(uuid);
      assert.match(record.icicle, /<package name="hello"\/>/);
      await environment.inspectDisk(record.glance_id, { uuid, begun });
      await environment.inspect(record.glance_id);
      await environment.forget(record);
    },
  );

  async function killWorker(): Promise<void> {
    await environment.worker.end('SIGKILL');
    environment.worker.start();
  }
});
