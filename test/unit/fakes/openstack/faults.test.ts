import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { request } from 'undici';
import { CloudFixture } from './cloud-fixture.js';

describe('faults of the fake cloud', () => {
  let fixture: CloudFixture;
  let token: string;
  before(async () => {
    fixture = await CloudFixture.start({ guests: false });
    const { OS_USERNAME: name, OS_PASSWORD: password } = fixture.fake.env();
    const user = { name, password, domain: { name: 'Default' } };
    const body = JSON.stringify({ auth: { identity: { methods: ['password'], password: { user } } } });
    const answer = await request(`${fixture.fake.authUrl}/auth/tokens`, { method: 'POST', body });
    token = String(answer.headers['x-subject-token']);
    await answer.body.dump();
  });
  after(() => fixture.close());

  function ask(path: string, options: { method?: 'GET' | 'POST'; body?: string } = {}): ReturnType<typeof request> {
    const url = fixture.fake.authUrl.replace('/identity/v3', path);
    return request(url, { ...options, headers: { 'x-auth-token': token, 'content-type': 'application/json' } });
  }

  it('answer with a status and Retry-After, after some calls and for a number of calls', async () => {
    fixture.fake.faults.add({
      match: { service: 'compute', path: /^\/v2\.1\/flavors/ },
      kind: 'status',
      status: 429,
      retryAfter: 7,
      after: 1,
      times: 1,
    });
    const answers = [];
    for (let call = 0; call < 3; call++) {
      const { statusCode, headers, body } = await ask('/compute/v2.1/flavors');
      answers.push([statusCode, headers['retry-after']]);
      await body.dump();
    }
    assert.deepEqual(answers, [[200, undefined], [429, '7'], [200, undefined]]); // prettier-ignore
  });

  it('lose the reply of a call that is performed', async () => {
    fixture.fake.faults.add({ match: { method: 'POST', path: /security-groups$/ }, kind: 'reset-after' });
    await assert.rejects(
      ask('/network/v2.0/security-groups', { method: 'POST', body: '{"security_group":{"name":"lost"}}' }),
    );
    assert.ok(fixture.fake.leftovers().some(({ name }) => name === 'lost'));
  });

  it('reset a call before it is performed', async () => {
    fixture.fake.faults.add({ match: { method: 'POST', path: /security-groups$/ }, kind: 'reset-before' });
    await assert.rejects(
      ask('/network/v2.0/security-groups', { method: 'POST', body: '{"security_group":{"name":"never"}}' }),
    );
    assert.ok(!fixture.fake.leftovers().some(({ name }) => name === 'never'));
  });

  it('cut a body short', async () => {
    fixture.fake.faults.add({ match: { path: /flavors\/detail/ }, kind: 'truncated-body', bytes: 20 });
    const { body } = await ask('/compute/v2.1/flavors/detail');
    await assert.rejects(body.text());
  });

  it('refuse connections for a while', async () => {
    fixture.fake.faults.add({ match: { path: /os-keypairs/ }, kind: 'refuse', ms: 50 });
    await assert.rejects(ask('/compute/v2.1/os-keypairs'));
    await fixture.waitFor(
      () => ask('/compute/v2.1/os-keypairs').then(({ statusCode, body }) => body.dump().then(() => statusCode), () => 0),
      (status) => status === 200,
    ); // prettier-ignore
  });

  it('affect random calls, which are the same for the same seed', async () => {
    const run = async (): Promise<number[]> => {
      fixture.fake.faults.addRandom({
        seed: 4,
        probability: 0.5,
        kinds: [
          { kind: 'status', status: 500 },
          { kind: 'status', status: 503 },
        ],
      });
      const statuses: number[] = [];
      for (let call = 0; call < 12; call++) {
        const { statusCode, body } = await ask('/compute/v2.1/flavors');
        statuses.push(statusCode);
        await body.dump();
      }
      fixture.fake.faults.clear();
      return statuses;
    };
    const first = await run();
    assert.deepEqual(await run(), first);
    assert.deepEqual(new Set(first), new Set([200, 500, 503]));
  });

  it('are in the log of calls, like all other calls', async () => {
    fixture.fake.calls.clear();
    fixture.fake.faults.add({ match: { path: /limits/ }, kind: 'status', status: 502 });
    for (let call = 0; call < 2; call++) await (await ask('/compute/v2.1/limits')).body.dump();
    assert.deepEqual(fixture.fake.calls.list({ path: /limits/ }).map(({ status, fault }) => [status, fault]), [[502, 'status 502'], [200, undefined]]); // prettier-ignore
    assert.deepEqual(fixture.fake.calls.summary(), { 'compute GET /v2.1/limits': 2 });
  });

  it('include expired tokens', async () => {
    fixture.fake.identity.expireTokens();
    const { statusCode, body } = await ask('/compute/v2.1/limits');
    await body.dump();
    assert.equal(statusCode, 401);
  });
});
