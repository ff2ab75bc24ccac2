import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import type { FaultKind } from '../../../fakes/openstack/core/faults.js';
import { CLUSTER } from '../../../fakes/providers/ovirt/engine.js';
import { createOperation } from '../../../support/providers/operation.js';
import { type Bench, createBench, pushUntilDone } from '../../../support/providers/ovirt.js';
import { createDisk, createPushedImage } from '../../../support/providers/pushed-image.js';

/** One part: what happens with several is in resume.test.ts. */
const CONTENT = createDisk({ blocks: 4, blockSize: 65_536, data: [0, 3] });
const FAULTS: readonly FaultKind[] = [
  { kind: 'reset-before' },
  { kind: 'reset-after' },
  { kind: 'status', status: 503, message: 'the service is down' },
  { kind: 'status', status: 429, message: 'too many' },
];

for (const [what, configuration, begin] of [
  ['a disk', {}, /./],
  // What comes before is the same as for a disk.
  ['a template', { template_cluster: CLUSTER.name }, /POST \/ovirt-engine\/api\/vms/],
] as const) {
  describe(`a push to oVirt as ${what}, with a fault at each call`, () => {
    let bench: Bench;
    before(async () => (bench = await createBench()));
    after(() => bench.close());

    it('makes exactly one image, with the right bytes, and leaves nothing else', async () => {
      const { engine } = bench;
      const clean = await createPushedImage(bench.folder, CONTENT);
      await pushUntilDone(bench, clean, configuration);
      const calls = engine.server.log.list().filter(({ path }) => !path.includes('sso-logout'));
      // GETs are repeated by the client below us, after real pauses. One fault of each kind is enough there.
      const first = calls.findIndex(({ method, path }) => begin.test(`${method} ${path}`));
      const rows = calls.flatMap(({ method }, index) =>
        index < first
          ? []
          : method === 'GET'
            ? [{ index, fault: FAULTS[0] as FaultKind }]
            : FAULTS.map((fault) => ({ index, fault })),
      );
      assert.ok(rows.length >= 15, 'the table has lost its rows');
      for (const { index, fault } of rows) {
        const row = `${JSON.stringify(fault)} at ${calls[index]?.method} ${calls[index]?.path}`;
        const image = { ...clean, uuid: randomUUID() };
        const remove = engine.server.fail({ ...fault, match: {}, after: index });
        const { registered } = await pushUntilDone(bench, image, configuration).catch((error: unknown) => {
          throw new Error(`${row}: ${String(error)}`, { cause: error });
        });
        remove();
        await assertOne(bench, image.uuid, registered.id, row);
      }
    });
  });
}

async function assertOne({ engine, connect }: Bench, uuid: string, id: string, row: string): Promise<void> {
  const { disks, templates, vms, transfers } = engine.state;
  const provider = await connect();
  assert.deepEqual(await provider.removeStaging(createOperation(), uuid), [], row);
  await provider.close();
  const isOurs = ({ description }: { description: string }): boolean => description.includes(uuid);
  const made = [...disks.values()].filter(isOurs);
  const ownTemplates = [...templates.values()].filter(isOurs);
  assert.equal(made.length, 1, row);
  assert.deepEqual([...vms.values()].filter(isOurs), [], row);
  assert.deepEqual(
    ownTemplates.map((template) => template.id),
    ownTemplates.length === 0 ? [] : [id],
    row,
  );
  const diskId = ownTemplates[0]?.disks[0] ?? id;
  assert.deepEqual(engine.imageio?.disks.get(diskId)?.content, CONTENT, row);
  const open = [...transfers.values()].filter(({ phase }) => !phase.startsWith('finished'));
  assert.deepEqual(open, [], row);
  assert.equal(engine.imageio.tickets.size, 0, row);
  assert.ok(engine.imageio.flushed, row);
}
