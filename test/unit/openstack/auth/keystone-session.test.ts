import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { FactoryError } from '../../../../src/domain/errors.js';
import { HttpClient } from '../../../../src/http/http.js';
import { Session } from '../../../../src/openstack/auth/keystone-session.js';
import type { CloudSettings } from '../../../../src/openstack/config/cloud-settings.js';
import { type LocalService, type Reply, type Seen, serveReplies, settingsFor, tokenReply } from '../local-service.js';

function sessionAt(origin: string, change: Partial<CloudSettings> = {}): Session {
  const http = new HttpClient('local');
  after(() => http.close());
  return new Session(http, settingsFor(origin, change));
}

/** Starts a Keystone that issues token-1, token-2, …, each valid for `seconds`. `reply` can answer a request first. */
async function keystone(seconds = 3600, reply?: (seen: Seen) => Reply | undefined): Promise<LocalService> {
  let count = 0;
  const service: LocalService = await serveReplies(
    (seen) => reply?.(seen) ?? tokenReply(service.origin, `token-${++count}`, seconds),
  );
  return service;
}

function refusal(pattern: RegExp) {
  return (error: unknown): boolean => {
    assert.ok(error instanceof FactoryError, String(error));
    assert.equal(error.type, 'AuthenticationFailed');
    assert.equal(error.retryable, false);
    assert.match(error.message, pattern);
    assert.doesNotMatch(`${error.message} ${error.hint}`, /correct horse|s3cret|gAAAA/);
    return true;
  };
}

const DEFAULT = { domain: { id: 'default' } };

describe('a sign-in', () => {
  const cases: [string, Partial<CloudSettings>, unknown][] = [
    [
      'by user name and project name, each with its domain',
      {
        credentials: { method: 'password', user: { name: 'u' }, userDomain: { name: 'Users' }, password: 'p' },
        project: { name: 'p', domain: { name: 'Projects' } },
      },
      {
        identity: {
          methods: ['password'],
          password: { user: { name: 'u', domain: { name: 'Users' }, password: 'p' } },
        },
        scope: { project: { name: 'p', domain: { name: 'Projects' } } },
      },
    ],
    [
      'by ids, which need no domain',
      {
        credentials: { method: 'password', user: { id: 'uid', name: 'u' }, userDomain: { id: 'd' }, password: 'p' },
        project: { id: 'pid', name: 'p', ...DEFAULT },
      },
      {
        identity: { methods: ['password'], password: { user: { id: 'uid', password: 'p' } } },
        scope: { project: { id: 'pid' } },
      },
    ],
    [
      'by an application credential’s id, without a scope',
      {
        credentials: {
          method: 'applicationCredential',
          credential: { id: 'cid' },
          user: {},
          userDomain: { id: 'default' },
          secret: 's',
        },
      },
      {
        identity: { methods: ['application_credential'], application_credential: { id: 'cid', secret: 's' } },
      },
    ],
    [
      'by an application credential’s name and its user',
      {
        credentials: {
          method: 'applicationCredential',
          credential: { name: 'c' },
          user: { name: 'u' },
          userDomain: { id: 'default' },
          secret: 's',
        },
      },
      {
        identity: {
          methods: ['application_credential'],
          application_credential: { name: 'c', secret: 's', user: { name: 'u', domain: { id: 'default' } } },
        },
      },
    ],
    [
      'by a token for a project',
      { credentials: { method: 'token', token: 't' }, project: { name: 'p', ...DEFAULT } },
      {
        identity: { methods: ['token'], token: { id: 't' } },
        scope: { project: { name: 'p', domain: { id: 'default' } } },
      },
    ],
  ];
  for (const [what, change, auth] of cases) {
    it(what, async () => {
      const { origin, seen } = await keystone();
      const token = await sessionAt(origin, change).token();
      assert.deepEqual([token.id, token.projectId], ['token-1', 'project-1']);
      assert.deepEqual(
        seen.map(({ method, path }) => `${method} ${path}`),
        ['POST /v3/auth/tokens'],
      );
      assert.deepEqual(JSON.parse(seen[0]?.body ?? ''), { auth });
    });
  }

  it('with a token and no project uses this token itself', async () => {
    const { origin, seen } = await keystone();
    const session = sessionAt(origin, { credentials: { method: 'token', token: 'gAAAA' }, project: undefined });
    const token = await session.token();
    assert.deepEqual([token.id, token.projectId], ['gAAAA', 'project-1']);
    assert.equal(seen[0]?.method, 'GET');
    assert.equal(seen[0].headers['x-subject-token'], 'gAAAA');
  });

  it('that is refused fails with an error that names the user but no secret', async () => {
    const { origin } = await keystone(1, () => ({
      status: 401,
      json: { error: { code: 401, message: 'The request you have made requires authentication.' } },
    }));
    await assert.rejects(
      sessionAt(origin).token(),
      refusal(/^cannot sign in to cloud local as user demo: Keystone .* \(401\): The request you have made/),
    );
    const credentials = { method: 'token' as const, token: 'gAAAA' };
    await assert.rejects(sessionAt(origin, { credentials }).token(), refusal(/as the owner of the given token/));
  });

  it('at an address without Keystone fails with a hint at OS_AUTH_URL', async () => {
    const { origin } = await keystone(1, () => ({ status: 404, body: 'Not here' }));
    await assert.rejects(sessionAt(origin).token(), (error: unknown) => {
      return refusal(/Not here/)(error) && error instanceof FactoryError && /OS_AUTH_URL/.test(error.hint ?? '');
    });
  });

  it('sends no request when the signal of the caller has aborted', async () => {
    const { origin, seen } = await keystone();
    await assert.rejects(sessionAt(origin).token(AbortSignal.abort(new Error('cancelled'))), /cancelled/);
    assert.equal(seen.length, 0);
  });

  it('whose token belongs to no project is refused', async () => {
    const { origin } = await keystone(1, () => {
      const { json, ...reply } = tokenReply('http://localhost', 'unscoped');
      const { token } = json as { token: Record<string, unknown> };
      return { ...reply, json: { token: { ...token, project: undefined, catalog: undefined } } };
    });
    await assert.rejects(
      sessionAt(origin, { project: undefined }).token(),
      refusal(/accepts the credentials, but the token belongs to no project/),
    );
  });

  it('fails with a retryable error while Keystone is unavailable, and succeeds later', async () => {
    let calls = 0;
    const { origin } = await keystone(3600, () => (++calls === 1 ? { status: 503, body: 'maintenance' } : undefined));
    const session = sessionAt(origin);
    await assert.rejects(session.token(), (error: unknown) => error instanceof FactoryError && error.retryable);
    assert.equal((await session.token()).id, 'token-1');
  });
});

describe('the address of Identity v3', () => {
  const versions = (...values: [string, string, string][]): Reply => ({
    status: 300,
    json: {
      versions: { values: values.map(([id, status, href]) => ({ id, status, links: [{ rel: 'self', href }] })) },
    },
  });
  const cases: [string, string, string][] = [
    ['with a slash', '/v3/', '/v3/auth/tokens'],
    ['below a path', '/identity/v3', '/identity/v3/auth/tokens'],
    ['of version 2.0, as in old files', '/v2.0/', '/v3/auth/tokens'],
    ['without a version', '', '/identity/v3/auth/tokens'],
  ];
  for (const [what, suffix, path] of cases) {
    it(`is found from one ${what}`, async () => {
      const { origin, seen } = await keystone(3600, ({ method }) =>
        method === 'GET'
          ? versions(
              ['v2.0', 'deprecated', 'http://internal.test/identity/v2.0/'],
              ['v3.14', 'stable', 'http://internal.test/identity/v3/'],
            )
          : undefined,
      );
      await sessionAt(origin, { authUrl: `${origin}${suffix}` }).token();
      assert.equal(seen.at(-1)?.path, path);
    });
  }

  it('is an error when Keystone has only version 2.0', async () => {
    const { origin } = await keystone(1, () => versions(['v2.0', 'stable', 'http://internal.test/v2.0/']));
    await assert.rejects(sessionAt(origin, { authUrl: origin }).token(), /lists no Identity API version 3/);
  });

  it('is an error when a server that is not Keystone answers', async () => {
    const { origin } = await keystone(1, () => ({ body: '<html>welcome</html>' }));
    await assert.rejects(
      sessionAt(origin, { authUrl: origin }).token(),
      /with a response that its API does not document: it is not JSON/,
    );
  });
});

describe('a token', () => {
  it('is requested once for all concurrent callers', async () => {
    const { origin, seen } = await keystone();
    const session = sessionAt(origin);
    const tokens = await Promise.all(Array.from({ length: 50 }, () => session.token()));
    assert.equal(new Set(tokens).size, 1);
    assert.equal(seen.length, 1);
    await session.token();
    assert.equal(seen.length, 1);
  });

  it('is renewed once for all callers whose token was refused', async () => {
    const { origin, seen } = await keystone();
    const session = sessionAt(origin);
    const first = await session.token();
    const renewed = await Promise.all(Array.from({ length: 50 }, () => session.renew(first)));
    assert.deepEqual([...new Set(renewed.map(({ id }) => id))], ['token-2']);
    assert.equal((await session.renew(first)).id, 'token-2');
    assert.equal(seen.length, 2);
  });

  it('is renewed before it expires', async (context) => {
    const { origin } = await keystone(3600);
    const session = sessionAt(origin);
    const first = await session.token();
    const end = Date.now() + 3600_000;
    context.mock.timers.enable({ apis: ['Date'], now: first.renewAt - 1 });
    assert.equal((await session.token()).id, 'token-1');
    context.mock.timers.setTime(first.renewAt);
    assert.ok(first.renewAt < end - 60_000);
    assert.equal((await session.token()).id, 'token-2');
  });

  it('with a short life is used more than once', async () => {
    const { origin, seen } = await keystone(20);
    const session = sessionAt(origin);
    await session.token();
    await session.token();
    assert.equal(seen.length, 1);
  });

  it('is still returned to the other callers when one caller aborts', async () => {
    const { origin } = await keystone();
    const session = sessionAt(origin);
    const stop = new AbortController();
    const given = session.token(stop.signal);
    const wanted = session.token();
    stop.abort(new Error('cancelled'));
    await assert.rejects(given, /cancelled/);
    assert.equal((await wanted).id, 'token-1');
  });
});
