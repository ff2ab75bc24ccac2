import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, describe, it } from 'node:test';
import { readEntrySettings, readEnvironmentSettings } from '../../../../src/openstack/config/cloud-config.js';
import { type Environment, readCloudEntries } from '../../../../src/openstack/config/clouds-yaml.js';
import { connectClouds } from '../../../../src/openstack/index.js';
import type { CloudSettings } from '../../../../src/openstack/config/cloud-settings.js';
import { catchFactoryError } from '../../../support/factory-errors.js';

const root = mkdtempSync(join(tmpdir(), 'imagefactory-clouds-'));
after(() => rmSync(root, { recursive: true }));

/** Creates a home and a current directory with these files. Paths begin with `home/` or `here/`. */
function machine(files: Record<string, string>): { env: Environment; directory: string } {
  const place = mkdtempSync(join(root, 'machine-'));
  mkdirSync(join(place, 'here'));
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(place, path)), { recursive: true });
    writeFileSync(join(place, path), content);
  }
  return { env: { HOME: join(place, 'home') }, directory: join(place, 'here') };
}

const AUTH = 'auth_url: https://keystone.test:5000/v3, username: u, project_name: p';
const cloudsYaml = (auth: string, rest = ''): string => `clouds:\n  prod:\n    auth: {${auth}}\n${rest}`;

function settingsIn(files: Record<string, string>, env: Environment = {}): CloudSettings {
  const { env: home, directory } = machine(files);
  const environment = { ...home, ...env };
  const entry = readCloudEntries(environment, directory).find(({ name }) => name === 'prod');
  assert.ok(entry !== undefined);
  return readEntrySettings(entry, environment, directory);
}

function fromEnvironment(env: Environment): CloudSettings {
  return readEnvironmentSettings({ OS_AUTH_URL: 'https://keystone.test/v3', ...env }, root);
}

const PASSWORD = { OS_USERNAME: 'u', OS_PASSWORD: 'pw', OS_PROJECT_NAME: 'p' };
const DEFAULT = { id: 'default' };

function assertRefused(pattern: RegExp, action: () => unknown): void {
  const { type, message } = catchFactoryError(action);
  assert.equal(type, 'UnknownCloud');
  assert.match(message, pattern);
  assert.doesNotMatch(message, /s3cret/);
}

describe('the OS_* variables', () => {
  const password = { method: 'password', user: { id: undefined, name: 'u' }, userDomain: DEFAULT, password: 'pw' };
  const project = { id: undefined, name: 'p', domain: DEFAULT };
  const cases: [string, Environment, object][] = [
    [
      'user, password and project in the default domain',
      PASSWORD,
      { credentials: password, project, interfaces: ['public'] },
    ],
    ['OS_TENANT_NAME as the project', { ...PASSWORD, OS_PROJECT_NAME: undefined, OS_TENANT_NAME: 'p' }, { project }],
    [
      'OS_TENANT_ID as the project’s id',
      { ...PASSWORD, OS_PROJECT_NAME: '', OS_TENANT_ID: 'pid' },
      { project: { id: 'pid', name: undefined, domain: DEFAULT } },
    ],
    ['OS_PROJECT_NAME before OS_TENANT_NAME', { ...PASSWORD, OS_TENANT_NAME: 'old' }, { project }],
    [
      'domains of user and project',
      { ...PASSWORD, OS_USER_DOMAIN_NAME: 'Users', OS_PROJECT_DOMAIN_ID: 'pd' },
      { credentials: { ...password, userDomain: { name: 'Users' } }, project: { ...project, domain: { id: 'pd' } } },
    ],
    [
      'OS_DEFAULT_DOMAIN when no other domain is set',
      { ...PASSWORD, OS_DEFAULT_DOMAIN: 'dd', OS_USER_DOMAIN_ID: 'ud' },
      { credentials: { ...password, userDomain: { id: 'ud' } }, project: { ...project, domain: { id: 'dd' } } },
    ],
    [
      'region and interface',
      { ...PASSWORD, OS_REGION_NAME: 'r', OS_INTERFACE: 'internal' },
      { region: 'r', interfaces: ['internal'] },
    ],
    ['OS_ENDPOINT_TYPE in its old form', { ...PASSWORD, OS_ENDPOINT_TYPE: 'adminURL' }, { interfaces: ['admin'] }],
    [
      'an application credential',
      {
        OS_APPLICATION_CREDENTIAL_ID: 'c',
        OS_APPLICATION_CREDENTIAL_SECRET: 's',
        OS_AUTH_TYPE: 'v3applicationcredential',
      },
      {
        credentials: {
          method: 'applicationCredential',
          credential: { id: 'c', name: undefined },
          user: { id: undefined, name: undefined },
          userDomain: DEFAULT,
          secret: 's',
        },
        project: undefined,
      },
    ],
    ['a token', { OS_TOKEN: 't', OS_PROJECT_ID: 'pid' }, { credentials: { method: 'token', token: 't' } }],
    ['a password before a token', { ...PASSWORD, OS_TOKEN: 't' }, { credentials: password }],
    [
      'OS_AUTH_TYPE before the method that follows from the other variables',
      { ...PASSWORD, OS_TOKEN: 't', OS_AUTH_TYPE: 'token' },
      { credentials: { method: 'token', token: 't' } },
    ],
    [
      'an endpoint to use instead of the catalogue’s',
      { ...PASSWORD, OS_IMAGE_ENDPOINT_OVERRIDE: 'http://g/' },
      { endpointOverrides: { image: 'http://g/' } },
    ],
    [
      'OS_INSECURE',
      { ...PASSWORD, OS_INSECURE: 'true' },
      { tls: { ca: undefined, cert: undefined, key: undefined, insecure: true } },
    ],
  ];
  for (const [what, env, expected] of cases) {
    it(`set ${what}`, () => {
      const settings: Record<string, unknown> = { ...fromEnvironment(env) };
      for (const [key, value] of Object.entries(expected)) assert.deepEqual(settings[key], value, key);
    });
  }

  const mistakes: [string, Environment, RegExp][] = [
    ['no password', { OS_USERNAME: 'u' }, /^the environment: OS_PASSWORD is missing$/],
    ['no user', { OS_PASSWORD: 's3cret' }, /^the environment: OS_USERNAME is missing$/],
    [
      'a secret without a credential’s name',
      { OS_APPLICATION_CREDENTIAL_NAME: 'c' },
      /^the environment: OS_USERNAME is missing$/,
    ],
    [
      'an unknown way to sign in',
      { ...PASSWORD, OS_AUTH_TYPE: 'v3oidcpassword' },
      /OS_AUTH_TYPE is v3oidcpassword, which this program does not support/,
    ],
    [
      'an interface that does not exist',
      { ...PASSWORD, OS_INTERFACE: 'private' },
      /OS_INTERFACE is private, but it must be public, internal or admin/,
    ],
    [
      'an address that is not a URL',
      { ...PASSWORD, OS_AUTH_URL: 'keystone:5000' },
      /OS_AUTH_URL must be an http or https address/,
    ],
    ['a flag that is not a boolean', { ...PASSWORD, OS_INSECURE: 'perhaps' }, /OS_INSECURE must be true or false/],
    [
      'a certificate file that does not exist',
      { ...PASSWORD, OS_CACERT: 'none.pem' },
      /OS_CACERT names the file none\.pem, which does not exist/,
    ],
  ];
  for (const [what, env, message] of mistakes) {
    it(`with ${what} are refused, and the error names the variable`, () =>
      assertRefused(message, () => fromEnvironment(env)));
  }
});

describe('clouds.yaml', () => {
  const content = cloudsYaml(`${AUTH}, password: pw`);

  for (const place of ['here/clouds.yaml', 'here/clouds.yml', 'home/.config/openstack/clouds.yaml']) {
    it(`is found as ${place}`, () =>
      assert.equal(settingsIn({ [place]: content }).authUrl, 'https://keystone.test:5000/v3'));
  }

  it('is found as JSON', () => {
    const auth = { auth_url: 'http://k.test', username: 'u', password: 'pw' };
    assert.equal(
      settingsIn({ 'here/clouds.json': JSON.stringify({ clouds: { prod: { auth } } }) }).authUrl,
      'http://k.test',
    );
  });

  it('is found below XDG_CONFIG_HOME', () => {
    const { env, directory } = machine({ 'config/openstack/clouds.yaml': content });
    const entries = readCloudEntries({ ...env, XDG_CONFIG_HOME: join(directory, '../config') }, directory);
    assert.deepEqual(
      entries.map(({ name }) => name),
      ['prod'],
    );
  });

  it('in the current directory is used before the file in the home directory', () => {
    const files = { 'here/clouds.yaml': content, 'home/.config/openstack/clouds.yaml': 'clouds: {}' };
    assert.equal(settingsIn(files).name, 'prod');
  });

  it('is only the file in OS_CLIENT_CONFIG_FILE when this variable is set', () => {
    const { env, directory } = machine({ 'here/clouds.yaml': 'clouds: {a: {}}', 'here/mine.yaml': content });
    const entries = readCloudEntries({ ...env, OS_CLIENT_CONFIG_FILE: 'mine.yaml' }, directory);
    assert.deepEqual(
      entries.map(({ name }) => name),
      ['prod'],
    );
    assertRefused(/^none\.yaml: does not exist$/, () =>
      readCloudEntries({ ...env, OS_CLIENT_CONFIG_FILE: 'none.yaml' }, directory),
    );
  });

  it('may be missing', () => {
    const { env, directory } = machine({});
    assert.deepEqual(readCloudEntries(env, directory), []);
  });

  it('is completed with the secrets in secure.yaml', () => {
    const secure = 'clouds: {prod: {auth: {password: 12345}}, other: {auth: {password: x}}}';
    const settings = settingsIn({ 'here/clouds.yaml': cloudsYaml(AUTH), 'home/.config/openstack/secure.yaml': secure });
    assert.deepEqual(settings.credentials, {
      method: 'password',
      user: { id: undefined, name: 'u' },
      userDomain: DEFAULT,
      password: '12345',
    });
  });

  it('overrides a profile in clouds-public.yaml', () => {
    const settings = settingsIn({
      'here/clouds.yaml': cloudsYaml(
        'username: u, password: pw, project_name: p',
        '    profile: vendor\n    region_name: mine\n',
      ),
      'here/clouds-public.yaml':
        'public-clouds: {vendor: {auth: {auth_url: "https://vendor.test/v3"}, region_name: theirs, interface: internal}}',
    });
    assert.deepEqual(
      [settings.authUrl, settings.region, settings.interfaces],
      ['https://vendor.test/v3', 'mine', ['internal']],
    );
  });

  it('names files for TLS, and their contents are read', () => {
    const rest = '    cacert: ca.pem\n    cert: cert.pem\n    key: key.pem\n';
    const pem = { 'here/ca.pem': 'CA', 'here/cert.pem': 'CERT', 'here/key.pem': 'KEY' };
    const settings = settingsIn({ 'here/clouds.yaml': cloudsYaml(`${AUTH}, password: pw`, rest), ...pem });
    assert.deepEqual(settings.tls, { ca: 'CA', cert: 'CERT', key: 'KEY', insecure: false });
  });

  it('turns certificate checks off with verify: false or insecure: true', () => {
    for (const line of ['verify: false', 'insecure: true', 'verify: no', 'insecure: "True"']) {
      const settings = settingsIn({ 'here/clouds.yaml': cloudsYaml(`${AUTH}, password: pw`, `    ${line}\n`) });
      assert.equal(settings.tls.insecure, true, line);
    }
  });

  it('sets addresses that override those of the catalogue', () => {
    const { endpointOverrides } = settingsIn({
      'here/clouds.yaml': cloudsYaml(
        `${AUTH}, password: pw`,
        '    compute_endpoint_override: http://n/v2.1\n    network_endpoint_override: http://q\n    key_manager_endpoint_override: http://k\n',
      ),
    });
    assert.deepEqual(endpointOverrides, { compute: 'http://n/v2.1', network: 'http://q' });
  });

  it('accepts the old and the new key for the address of block storage; the new key wins', () => {
    const overrides = (lines: string): Record<string, string> =>
      settingsIn({ 'here/clouds.yaml': cloudsYaml(`${AUTH}, password: pw`, lines) }).endpointOverrides;
    const old = '    volume_endpoint_override: http://old\n';
    assert.deepEqual(overrides(old), { 'block-storage': 'http://old' });
    assert.deepEqual(overrides(`${old}    block_storage_endpoint_override: http://new\n`), {
      'block-storage': 'http://new',
    });
  });

  it('with several regions sets the first one', () => {
    const settings = settingsIn({
      'here/clouds.yaml': cloudsYaml(`${AUTH}, password: pw`, '    regions: [{name: r1}, r2]\n'),
    });
    assert.equal(settings.region, 'r1');
  });

  it('treats an empty key as unset', () => {
    const settings = settingsIn({
      'here/clouds.yaml': cloudsYaml(`${AUTH}, password: pw`, '    region_name:\n    verify:\n'),
    });
    assert.deepEqual([settings.region, settings.tls.insecure], [undefined, false]);
  });

  it('is overridden by variables for the cloud in OS_CLOUD only', () => {
    const files = { 'here/clouds.yaml': cloudsYaml(`${AUTH}, password: pw`, '    regions: [file, variable]\n') };
    const variables = { OS_REGION_NAME: 'variable', OS_PASSWORD: 'other' };
    const mine = settingsIn(files, { ...variables, OS_CLOUD: 'prod' });
    assert.deepEqual([mine.region, mine.credentials.method === 'password' && mine.credentials.password], ['variable', 'other']); // prettier-ignore
    const others = settingsIn(files, { ...variables, OS_CLOUD: 'another' });
    assert.deepEqual([others.region, others.credentials.method === 'password' && others.credentials.password], ['file', 'pw']); // prettier-ignore
    assert.equal(settingsIn(files, { OS_INSECURE: 'true' }).tls.insecure, true);
  });

  const mistakes: [string, string, RegExp][] = [
    ['no auth', 'clouds: {prod: {}}', /clouds\.yaml: clouds\.prod\.auth\.auth_url is missing$/],
    ['no auth_url', cloudsYaml('username: u'), /clouds\.yaml: clouds\.prod\.auth\.auth_url is missing$/],
    ['no password', cloudsYaml(AUTH), /clouds\.yaml: clouds\.prod\.auth\.password is missing$/],
    [
      'a password that is a table',
      cloudsYaml(`${AUTH}, password: {s3cret: 1}`),
      /clouds\.prod\.auth\.password must be a string$/,
    ],
    ['a cloud that is a word', 'clouds: {prod: word}', /clouds\.prod: is not a mapping/],
    ['clouds that are a list', 'clouds: [prod]', /clouds is not a mapping of names to clouds/],
    [
      'an unknown profile',
      'clouds: {prod: {profile: vendor}}',
      /clouds\.prod\.profile names a profile that is not known, and there is no auth_url$/,
    ],
    ['broken YAML', 'clouds: {prod: {auth: {password: "s3cret}}}', /clouds\.yaml: is not valid YAML: .*line 1/],
    ['no table', '- a', /clouds\.yaml: is not a mapping of keys to values/],
  ];
  for (const [what, yaml, message] of mistakes) {
    it(`with ${what} is refused, and the error names the file and the key`, () =>
      assertRefused(message, () => settingsIn({ 'here/clouds.yaml': yaml })));
  }
});

describe('the clouds of a worker', () => {
  const files = { 'here/clouds.yaml': `${cloudsYaml(`${AUTH}, password: pw`)}  broken: {}\n` };

  it('are the clouds in clouds.yaml, and envvars if the OS_* variables are set', () => {
    const { env, directory } = machine(files);
    assert.deepEqual(connectClouds({ env, directory }).names(), ['prod', 'broken']);
    const variables = { ...env, OS_AUTH_URL: 'http://k.test', ...PASSWORD };
    assert.deepEqual(connectClouds({ env: variables, directory }).names(), ['prod', 'broken', 'envvars']);
  });

  it('are each created once', async () => {
    const clouds = connectClouds(machine(files));
    assert.equal(clouds.get('prod'), clouds.get('prod'));
    assert.equal(clouds.get('prod').name, 'prod');
    await clouds.close();
  });

  it('do not include unknown names, and the error lists the configured clouds', () => {
    const clouds = connectClouds(machine(files));
    assertRefused(/^there is no cloud staging: the configured clouds are prod, broken$/, () => clouds.get('staging'));
    assertRefused(/^there is no cloud envvars: no cloud is configured$/, () =>
      connectClouds(machine({})).get('envvars'),
    );
  });

  it('can be limited to some of the configured clouds', () => {
    const { env, directory } = machine(files);
    const clouds = connectClouds({ env, directory, only: ['prod'] });
    assert.deepEqual(clouds.names(), ['prod']);
    assertRefused(/^cloud broken is configured, but this worker serves only prod$/, () => clouds.get('broken'));
    const unknown = /^there is no cloud staging: the configured clouds are prod, broken$/;
    assertRefused(unknown, () => clouds.get('staging'));
    assertRefused(unknown, () => connectClouds({ env, directory, only: ['staging'] }));
  });

  it('with a mistake do not affect the other clouds', () => {
    const clouds = connectClouds(machine(files));
    assert.equal(clouds.get('prod').name, 'prod');
    assertRefused(/clouds\.broken\.auth\.auth_url is missing/, () => clouds.get('broken'));
  });
});
