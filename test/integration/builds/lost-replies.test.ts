import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { TestEnv } from '../../support/test-env.js';
import { listChangingCalls, listReplies, loseReplies, describeLostReply } from '../../support/lost-replies.js';
import { startTemporal } from '../../support/temporal.js';

const PARAMETERS = { request_floating_ip: 'True' };
const BODY = '<commands><command name="a">echo a >> /root/runs; test $(wc -l &lt; /root/runs) = 1</command></commands>';

/** The calls with which a build changes a cloud: each kind of call, and the number of calls of that kind. */
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

const LOST = listReplies(CHANGES);
/** Number of builds that share the lost replies. Each build loses the replies of its share, one after the other. */
const BUILDS = 6;

describe('a build that loses the replies to calls that change something', { concurrency: 3 }, () => {
  let temporal: TestWorkflowEnvironment;
  before(async () => {
    temporal = await startTemporal();
  });
  after(() => temporal.teardown());

  for (let share = 0; share < BUILDS; share++) {
    const losses = LOST.filter((_, index) => index % BUILDS === share);
    it(`is complete, with nothing created twice or left, when it loses those to ${losses.map(describeLostReply).join(', ')}`, async () => {
      const env = await TestEnv.start({ temporal });
      try {
        const lost = loseReplies(env, losses);
        const build = await env.build(env.template({ body: BODY }), PARAMETERS);
        const result = await build.result();
        assert.deepEqual(lost.sort(), losses.map(describeLostReply).sort());
        const made = env.cloud.state.serversMade.map((name) => name.split('-')[1]);
        assert.deepEqual(made, ['installer', 'customise']);
        assert.deepEqual(env.leftovers(), []);
        assert.deepEqual(
          env.images('base').map(({ id }) => id),
          [result.glanceId],
        );
        assert.equal(env.images('jeos').length, 1);
      } finally {
        await env.close();
      }
    });
  }

  it('makes exactly the kinds of calls whose replies are lost here', async () => {
    const env = await TestEnv.start({ temporal });
    try {
      await (await env.build(env.template({ body: BODY }), PARAMETERS)).result();
      assert.deepEqual(listChangingCalls(env), CHANGES.map(([kind]) => kind).sort());
    } finally {
      await env.close();
    }
  });
});
