import assert from 'node:assert/strict';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, it } from 'node:test';
import { parseChallenges } from '../../../../src/providers/oci-registry/auth.js';
import type { FakeAuth } from '../../../fakes/providers/registry/registry-gate.js';
import { createOperation } from '../../../support/providers/operation.js';
import { push, RegistrySetup } from './setup.js';

const BASIC: FakeAuth = { kind: 'basic', user: 'alice', password: 'secret: with a colon' };
const TOKEN: FakeAuth = { kind: 'token', user: 'alice', password: 'secret', identityToken: 'identity' };

describe('the credentials of a registry', () => {
  let setup: RegistrySetup;
  afterEach(() => setup.close());

  const start = async (auth: FakeAuth): Promise<void> => {
    setup = await RegistrySetup.create({ auth });
  };
  const writePassword = async (password: string): Promise<string> => {
    const path = join(setup.folder, 'password');
    await writeFile(path, password);
    return path;
  };
  const writeDockerConfig = async (content: object): Promise<Record<string, string>> => {
    await mkdir(join(setup.folder, 'docker'), { recursive: true });
    await writeFile(join(setup.folder, 'docker', 'config.json'), JSON.stringify(content));
    return { DOCKER_CONFIG: join(setup.folder, 'docker') };
  };
  const assertPushes = async (provider: Awaited<ReturnType<RegistrySetup['connect']>>): Promise<void> => {
    const image = await setup.createDisk();
    const { registered } = await push(provider, image);
    assert.deepEqual(await provider.find(createOperation(), image), registered);
    assert.equal((await provider.delete(createOperation(), registered)).length, 3);
  };

  for (const auth of [BASIC, TOKEN] as const) {
    it(`are the configured user and the file of the password (${auth.kind})`, async () => {
      await start(auth);
      const provider = await setup.connect({
        user: auth.user,
        password_file: await writePassword(`${auth.password}\n`),
      });
      await assertPushes(provider);
      assert.equal(provider.account, 'alice');
    });

    it(`are those that the user has given, rather than the configured ones (${auth.kind})`, async () => {
      await start(auth);
      const configured = { user: 'bob', password_file: await writePassword('wrong') };
      const { user, password } = auth;
      await assertPushes(await setup.connect(configured, { credentials: { user, password } }));
    });

    it(`are those of docker’s config.json (${auth.kind})`, async () => {
      await start(auth);
      const entry = { auth: Buffer.from(`${auth.user}:${auth.password}`).toString('base64') };
      const env = await writeDockerConfig({ auths: { [setup.registry.host]: entry } });
      await assertPushes(await setup.connect({}, { env }));
    });

    it(`wrong ones are an error without a secret (${auth.kind})`, async () => {
      await start(auth);
      const provider = await setup.connect({ user: 'alice', password_file: await writePassword('mistyped') });
      await assert.rejects(push(provider, await setup.createDisk()), (error: Error) => {
        assert.match(error.message, /does not accept user alice/);
        assert.doesNotMatch(error.message, /mistyped/);
        return true;
      });
      const [first, ...others] = await provider.check(createOperation());
      assert.equal(first?.ok, false);
      assert.deepEqual(others, []);
    });

    it(`missing ones are an error with advice (${auth.kind})`, async () => {
      await start(auth);
      const provider = await setup.connect();
      await assert.rejects(push(provider, await setup.createDisk()), {
        type: 'AuthenticationFailed',
        hint: /docker login/,
      });
    });
  }

  it('are the identity token of docker login', async () => {
    await start(TOKEN);
    const env = await writeDockerConfig({
      auths: { [`https://${setup.registry.host}`]: { identitytoken: 'identity' } },
    });
    await assertPushes(await setup.connect({}, { env }));
  });

  it('come from docker’s helper program, which gets the registry’s name on its input', async () => {
    await start(TOKEN);
    const env = await writeDockerConfig({ credHelpers: { [setup.registry.host]: 'test' }, credsStore: 'missing' });
    const program = join(setup.folder, 'docker-credential-test');
    const reply = JSON.stringify({ ServerURL: 'x', Username: '<token>', Secret: 'identity' });
    await writeFile(program, `#!/bin/sh\nread -r name\n[ "$name" = "${setup.registry.host}" ] && echo '${reply}'\n`);
    await chmod(program, 0o755);
    const path = `${setup.folder}:${process.env['PATH']}`;
    await assertPushes(await setup.connect({}, { env: { ...env, PATH: path } }));
    await writeDockerConfig({ credsStore: 'none' });
    const none = join(setup.folder, 'docker-credential-none');
    await writeFile(none, '#!/bin/sh\necho "credentials not found in native keychain"; exit 1\n');
    await chmod(none, 0o755);
    const provider = await setup.connect({}, { env: { ...env, PATH: path } });
    await assert.rejects(push(provider, await setup.createDisk()), /asks for a user and a password/);
  });

  it('never run a program outside of the PATH, and name one that is missing', async () => {
    await start(BASIC);
    for (const [helper, message] of [
      ['../../evil', /names a credential helper that is no program/],
      ['that-nobody-has', /docker-credential-that-nobody-has could not be started/],
    ] as const) {
      const env = await writeDockerConfig({ credsStore: helper });
      const provider = await setup.connect({}, { env: { ...env, PATH: setup.folder } });
      await assert.rejects(push(provider, await setup.createDisk()), message);
    }
  });

  it('a file that cannot be read, is empty or has no partner is an error', async () => {
    await start(BASIC);
    const image = await setup.createDisk();
    const missing = await setup.connect({ user: 'alice', password_file: join(setup.folder, 'missing') });
    await assert.rejects(push(missing, image), /missing cannot be read: ENOENT/);
    const empty = await setup.connect({ user: 'alice', password_file: await writePassword('\n') });
    await assert.rejects(push(empty, image), /is empty/);
    await assert.rejects(push(await setup.connect({ user: 'alice' }), image), /only one of user and password_file/);
    const given = await setup.connect({}, { credentials: { token: 'x' } });
    await assert.rejects(push(given, image), /are not those of a registry/);
    const env = await writeDockerConfig([]);
    await writeFile(join(env['DOCKER_CONFIG'] ?? '', 'config.json'), 'secret, no JSON');
    await assert.rejects(
      push(await setup.connect({}, { env }), image),
      (error: Error) => !/secret/.test(error.message),
    );
    await assert.rejects(setup.connect({ ca: join(setup.folder, 'missing.pem') }), /cannot be read: ENOENT/);
  });

  it('a token that has ended in the middle of a push is renewed', async () => {
    await start(TOKEN);
    const provider = await setup.connect({}, { credentials: { user: 'alice', password: 'secret' } });
    const image = await setup.createDisk();
    let reports = 0;
    const operation = createOperation({ onReport: () => ++reports === 2 && setup.registry.gate.expireTokens() });
    await push(provider, image, operation);
    assert.notEqual(await provider.find(createOperation(), image), undefined);
  });

  it('a permission that the user has not is named', async () => {
    await start({ ...TOKEN, actions: ['pull'] });
    const provider = await setup.connect({}, { credentials: { user: 'alice', password: 'secret' } });
    await assert.rejects(push(provider, await setup.createDisk()), {
      type: 'Forbidden',
      hint: 'the user needs the permission `pull,push` for the repository team/images/debian-12-test',
    });
    const findings = await provider.check(createOperation());
    assert.deepEqual(
      findings.map(({ what, ok }) => [what, ok]),
      [
        [`registry ${setup.registry.host}`, true],
        ['push to team/images/imagefactory-check', false],
      ],
    );
    await setup.close();
    await start({ ...TOKEN, actions: ['pull', 'push'] });
    const pusher = await setup.connect({}, { credentials: { user: 'alice', password: 'secret' } });
    const last = (await pusher.check(createOperation())).at(-1);
    assert.equal(last?.ok, true);
    assert.match(last.message ?? '', /only `delete` and retention need it/);
  });

  it('a check leaves nothing', async () => {
    await start(BASIC);
    const provider = await setup.connect({}, { credentials: { user: BASIC.user, password: BASIC.password } });
    const findings = await provider.check(createOperation(), await setup.createDisk());
    assert.ok(findings.every(({ ok }) => ok));
    assert.equal(findings.length, 5);
    assert.equal(setup.registry.uploads.size, 0);
  });
});

describe('the challenges of a registry', () => {
  it('are read whatever their form', () => {
    assert.deepEqual(parseChallenges('Bearer realm="https://a/token",service="a, b",scope="repository:x:pull,push"'), [
      { scheme: 'bearer', parameters: { realm: 'https://a/token', service: 'a, b', scope: 'repository:x:pull,push' } },
    ]);
    assert.deepEqual(parseChallenges(['Basic realm=plain', 'BEARER Realm="q\\"uote"']), [
      { scheme: 'basic', parameters: { realm: 'plain' } },
      { scheme: 'bearer', parameters: { realm: 'q"uote' } },
    ]);
    assert.deepEqual(parseChallenges('Negotiate abc'), []);
    assert.deepEqual(parseChallenges(undefined), []);
  });
});
