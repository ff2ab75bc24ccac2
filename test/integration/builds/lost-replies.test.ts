import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import type { LoggedCall } from '../../fake-cloud/core/call-log.js';
import { Bed } from '../../support/bed.js';
import { startTemporal } from '../../support/temporal.js';

const PARAMETERS = { request_floating_ip: 'True' };
const BODY = '<commands><command name="a">echo a >> /root/runs; test $(wc -l &lt; /root/runs) = 1</command></commands>';

/** What a build changes in a cloud, each kind of call with how many of the kind there are. */
const CHANGES: [kind: string, calls: number][] = [
  ['identity POST /v3/auth/tokens', 1],
  ['image POST /v2/images', 3],
  ['image PUT /v2/images/*/file', 3],
  ['image PATCH /v2/images/*', 6],
  ['image DELETE /v2/images/*', 1],
  ['compute POST /v2.1/servers', 2],
  ['compute POST /v2.1/servers/*/action', 2],
  ['compute DELETE /v2.1/servers/*', 2],
  ['compute POST /v2.1/os-keypairs', 1],
  ['compute DELETE /v2.1/os-keypairs/*', 1],
  ['network POST /v2.0/security-groups', 1],
  ['network PUT /v2.0/security-groups/*/tags', 1],
  ['network POST /v2.0/security-group-rules', 1],
  ['network DELETE /v2.0/security-groups/*', 1],
  ['network POST /v2.0/floatingips', 1],
  ['network PUT /v2.0/floatingips/*/tags', 1],
  ['network PUT /v2.0/floatingips/*', 1],
  ['network DELETE /v2.0/floatingips/*', 1],
];

/** A call whose reply is lost: the so manieth that is new of its kind. */
interface Lost {
  kind: string;
  nth: number;
}

const LOST: Lost[] = CHANGES.flatMap(([kind, calls]) =>
  Array.from({ length: calls }, (_, index) => ({ kind, nth: index + 1 })),
);
/** So many builds lose them all, each one after the other of its share. */
const BUILDS = 6;

function kindOf({ service, method, path }: LoggedCall): string {
  return `${service} ${method} ${path.replace(/[0-9a-f]{8}-[0-9a-f-]{27}/, '*').replace(/(os-keypairs)\/.+/, '$1/*')}`;
}

/** Loses the replies; answers those that were lost. */
function lose(bed: Bed, losses: Lost[]): string[] {
  const seen = new Map<string, number>();
  const lost: string[] = [];
  bed.cloud.faults.add({
    kind: 'held',
    match: {},
    when: 'after',
    times: Infinity,
    decide: (call, status) => {
      const kind = kindOf(call);
      // Consoles are read by an action as well: that Nova answers with 200, those that change something with 202.
      if (kind.endsWith('/action') && status !== 202) return Promise.resolve('go');
      const nth = (seen.get(kind) ?? 0) + 1;
      seen.set(kind, nth);
      if (!losses.some((loss) => loss.kind === kind && loss.nth === nth)) return Promise.resolve('go');
      lost.push(wordsOf({ kind, nth }));
      return Promise.resolve('cut');
    },
  });
  return lost;
}

function wordsOf({ kind, nth }: Lost): string {
  return `${kind} (${nth})`;
}

describe('a build that loses the replies to calls that change something', { concurrency: 3 }, () => {
  let temporal: TestWorkflowEnvironment;
  before(async () => {
    temporal = await startTemporal();
  });
  after(() => temporal.teardown());

  for (let share = 0; share < BUILDS; share++) {
    const losses = LOST.filter((_, index) => index % BUILDS === share);
    it(`is complete, with nothing made twice or left, without those to ${losses.map(wordsOf).join(', ')}`, async () => {
      const bed = await Bed.start({ temporal });
      try {
        const lost = lose(bed, losses);
        const build = await bed.build(bed.template({ body: BODY }), PARAMETERS);
        const result = await build.result();
        assert.deepEqual(lost.sort(), losses.map(wordsOf).sort());
        const made = bed.cloud.state.serversMade.map((name) => name.split('-')[1]);
        assert.deepEqual(made, ['installer', 'customise']);
        assert.deepEqual(bed.leftovers(), []);
        assert.deepEqual(
          bed.images('base').map(({ id }) => id),
          [result.glanceId],
        );
        assert.equal(bed.images('jeos').length, 1);
      } finally {
        await bed.close();
      }
    });
  }

  it('may lose the reply to every one of them', async () => {
    const bed = await Bed.start({ temporal });
    try {
      await (await bed.build(bed.template({ body: BODY }), PARAMETERS)).result();
      const changes = bed.cloud.calls
        .list()
        .filter(({ method, path, status }) => method !== 'GET' && !(path.endsWith('/action') && status !== 202));
      const counts = new Map<string, number>();
      for (const call of changes) counts.set(kindOf(call), (counts.get(kindOf(call)) ?? 0) + 1);
      assert.deepEqual([...counts.keys()].sort(), CHANGES.map(([kind]) => kind).sort());
    } finally {
      await bed.close();
    }
  });
});
