import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { withInstance } from '../../dev/instance.js';
import { STATUS_QUERY } from '../../src/domain/messages.js';
import type { BuildStatus } from '../../src/domain/status.js';
import { DebianEnvironment, EXAMPLE, FLAVOR, type Record } from './support/debian-environment.js';
import { TARGETS } from './support/targets.js';
import { leftovers, noCloud } from './support/single-node.js';

/**
 * Runs the command of the article (docs/article.md) on a real OpenStack, from the boot of Debian's installer to the
 * base image. The test kills the worker while the installer runs. `faults.test.ts` tests the other faults.
 */
describe('a Debian on the single-node cloud', { skip: noCloud() }, () => {
  let environment: DebianEnvironment;
  /** UUID of the raw target. */
  let raw: string | undefined;
  /** The base image, from which the targets are made. */
  let built: { uuid: string; record: Record } | undefined;
  before(async () => {
    environment = await DebianEnvironment.start();
  });
  after(async () => {
    if (built !== undefined) await environment.forget(built.record);
    await environment?.stop();
  });

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
      built = { uuid, record };
      assert.match(record.icicle, /<package name="hello"\/>/);
      await environment.inspectDisk(record.glance_id, { uuid, begun });
      await environment.inspect(record.glance_id);
    },
  );

  /** Makes target images of the base image. Returns their UUIDs, in the order of the targets. */
  async function makeTargets(targets: readonly string[], ...options: string[]): Promise<string[]> {
    assert.ok(built !== undefined, 'there is no base image');
    // The demo's mirror has not the packages of the targets' profiles.
    const asItIs = ['--parameter', 'target_profile', 'none'];
    const line = ['target_image', targets.join(','), '--id', built.uuid, ...asItIs, ...options];
    const { code, output } = await environment.run(line);
    assert.equal(code, 0, output);
    return [...output.matchAll(/^UUID: (.*)$/gm)].map(([, uuid]) => uuid ?? '');
  }

  it('becomes the image of other clouds, each compared with it, in one command', { timeout: 10 * 60_000 }, async () => {
    const uuids = await makeTargets(Object.keys(TARGETS));
    assert.equal(uuids.length, Object.keys(TARGETS).length);
    for (const [index, [target, verifiedBy]] of Object.entries(TARGETS).entries()) {
      const { verified_by: words } = await environment.record(uuids[index] ?? '');
      assert.match(words ?? '', verifiedBy, target);
    }
    raw = uuids[Object.keys(TARGETS).indexOf('raw')];
  });

  // Both mostly wait for one emulated CPU each.
  describe('as the image of another cloud', { concurrency: true }, () => {
    it('is pushed to another project, and boots there from its raw target', { timeout: 10 * 60_000 }, async () => {
      assert.ok(raw !== undefined, 'there is no raw target');
      const { code, output } = await environment.run(['push', raw, 'other']);
      assert.equal(code, 0, output);
      const [, uuid = '', imageId = ''] = /^UUID: (\S+)$[^]*^Image ID on provider: (\S+)$/m.exec(output) ?? [];
      assert.equal((await environment.record(uuid)).verified_by, 'sha512 computed by Glance');
      const boot = { imageId, flavor: FLAVOR, user: 'debian', commandPrefix: 'sudo' };
      await withInstance(environment.otherCloud(), boot, async (guest) => {
        assert.equal((await guest.run('hello')).stdout.trim(), 'Hello, world!');
      });
      assert.equal((await environment.run(['delete', uuid])).code, 0);
      assert.equal(await environment.otherCloud().image.getImage(imageId), undefined);
    });

    it('boots as a VMDK in a machine with the controllers of VMware', { timeout: 10 * 60_000 }, async () => {
      const [uuid = ''] = await makeTargets(['vmdk'], '--parameter', 'verify', 'boot');
      const { verified_by: words } = await environment.record(uuid);
      assert.match(words ?? '', /, booted by QEMU with pvscsi, vmxnet3 and BIOS until “(?:login:|multi-user)”$/);
    });
  });

  async function killWorker(): Promise<void> {
    await environment.worker.end('SIGKILL');
    environment.worker.start();
  }
});
