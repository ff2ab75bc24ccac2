import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { loadPayloadKeys, readConfigFile, resolveSettings } from '../../../src/cli/config.js';
import { KEYS_VARIABLE, generateKeyLine } from '../../../src/codec/keys.js';
import { UsageError } from '../../../src/cli/errors.js';

const directory = mkdtempSync(join(tmpdir(), 'imagefactory-config-'));
after(() => rmSync(directory, { recursive: true }));

function fileWith(content: string): string {
  const path = join(directory, `${Math.random()}.conf`);
  writeFileSync(path, content);
  return path;
}

function quiet(): void {}

test('without options, environment and configuration file, the settings are the documented defaults', () => {
  assert.deepEqual(resolveSettings({}, {}, {}), {
    output: 'log',
    debug: false,
    verbose: false,
    imgdir: '/var/lib/imagefactory/images',
    storagePath: '/var/lib/imagefactory/storage',
    taskQueue: 'imagefactory',
    cloud: 'envvars',
    logFormat: 'text',
    insecure: false,
  });
});

test('the size of the image cache is a whole number of GiB', () => {
  assert.equal(resolveSettings({ 'image-cache': '20' }, {}, { image_cache: 30 }).imageCache, 20);
  assert.equal(resolveSettings({}, {}, { image_cache: 30 }).imageCache, 30);
  assert.throws(() => resolveSettings({ 'image-cache': '20GiB' }, {}, {}), UsageError);
});

test('the lanes of a worker have commas between them, or an option each', () => {
  assert.deepEqual(resolveSettings({ lanes: 'wait,convert' }, {}, { lanes: ['control'] }).lanes, ['wait', 'convert']);
  assert.deepEqual(resolveSettings({ lanes: ['wait', 'convert'] }, {}, {}).lanes, ['wait', 'convert']);
  assert.deepEqual(resolveSettings({}, {}, { lanes: ['control'] }).lanes, ['control']);
});

test('the command line beats the environment, and the environment beats the file', () => {
  const file = { cloud: 'file', task_queue: 'file', ui_address: 'http://file' };
  const env = { OS_CLOUD: 'env', TEMPORAL_UI_ADDRESS: 'http://env' };
  assert.equal(resolveSettings({ cloud: 'option' }, env, file).cloud, 'option');
  assert.equal(resolveSettings({}, env, file).cloud, 'env');
  assert.equal(resolveSettings({}, { OS_CLOUD: '' }, file).cloud, 'file');
  assert.equal(resolveSettings({}, env, file).uiAddress, 'http://env');
  assert.equal(resolveSettings({ 'task-queue': 'option' }, env, file).taskQueue, 'option');
});

test('opened addresses come from --allow-address, else from the environment, else from the file', () => {
  const env = { IMAGEFACTORY_ALLOW_ADDRESSES: ' 127.0.0.0/8,::1  169.254.0.0/16' };
  const file = { allow_addresses: ['10.0.0.1'] };
  assert.deepEqual(resolveSettings({ 'allow-address': '::1' }, env, file).allowAddresses, ['::1']);
  assert.deepEqual(resolveSettings({}, env, file).allowAddresses, ['127.0.0.0/8', '::1', '169.254.0.0/16']);
  assert.deepEqual(resolveSettings({}, {}, file).allowAddresses, ['10.0.0.1']);
});

test('an option that is given twice has its last value', () => {
  assert.equal(resolveSettings({ output: ['log', 'json'] }, {}, {}).output, 'json');
});

test('--nodebug turns off what the file turned on', () => {
  assert.equal(resolveSettings({}, {}, { debug: true }).debug, true);
  assert.equal(resolveSettings({ nodebug: true }, {}, { debug: true }).debug, false);
});

test('a configuration file of the original imagefactory is accepted unchanged, and its storage path is used', () => {
  const path = fileWith(
    JSON.stringify({
      verbose: false,
      timeout: 3600,
      clients: { 'mock-key': 'mock-secret' },
      image_manager: 'file',
      image_manager_args: { storage_path: '/srv/images' },
      'ec2-32bit-util': 'm1.small',
    }),
  );
  const warnings: string[] = [];
  const settings = resolveSettings(
    {},
    {},
    readConfigFile(path, (text) => warnings.push(text)),
  );
  assert.deepEqual(warnings, []);
  assert.equal(settings.storagePath, '/srv/images');
  assert.equal(settings.timeout, 3600);
});

test('an unknown key is named and ignored', () => {
  const path = fileWith('{"colour": "green"}');
  const warnings: string[] = [];
  readConfigFile(path, (text) => warnings.push(text));
  assert.deepEqual(warnings, [`${path}: the key "colour" is unknown and is ignored`]);
});

for (const [what, content, message] of [
  ['text that is no JSON', '{', /is not JSON/],
  ['JSON that is no object', '[1]', /must hold a JSON object/],
  ['a key of the wrong type', '{"output": "xml"}', /key "output"/],
] as const) {
  test(`a configuration file with ${what} is refused, and named`, () => {
    const path = fileWith(content);
    assert.throws(
      () => readConfigFile(path, quiet),
      (error) => error instanceof UsageError && message.test(error.message) && error.message.includes(path),
    );
  });
}

test('a configuration file that is named must exist; the default file may be missing', () => {
  assert.throws(() => readConfigFile(join(directory, 'missing.conf'), quiet), /no such file or directory$/);
  assert.doesNotThrow(() => readConfigFile(undefined, quiet));
});

for (const wrong of ['0', '-1', 'soon', '', '1.5']) {
  test(`--timeout ${JSON.stringify(wrong)} is refused`, () => {
    assert.throws(() => resolveSettings({ timeout: wrong }, {}, {}), UsageError);
  });
}

test('payload keys come from the file of --payload-keys, else from the environment, else from the file in the configuration', () => {
  const [given, configured] = [generateKeyLine('given'), generateKeyLine('configured')].map((line) => {
    const path = fileWith(line);
    chmodSync(path, 0o600);
    return path;
  });
  const env = { [KEYS_VARIABLE]: generateKeyLine('environment') };
  const file = { payload_keys: configured };
  const current = (options: Record<string, unknown>, variables: NodeJS.ProcessEnv): string | undefined =>
    loadPayloadKeys(resolveSettings(options, variables, file), variables)?.current;
  assert.equal(current({ 'payload-keys': given }, env), 'given');
  assert.equal(current({}, env), 'environment');
  assert.equal(current({}, {}), 'configured');
  assert.equal(loadPayloadKeys(resolveSettings({}, {}, {}), {}), undefined);
});

test('cloud_limits has limits for each cloud by its name, and an unknown limit is refused', () => {
  const limits = { prod: { max_concurrent_builds: 20, api_calls_per_second: 2.5 } };
  const warn = (text: string): never => assert.fail(text);
  const read = (value: unknown): unknown => readConfigFile(fileWith(JSON.stringify({ cloud_limits: value })), warn);
  assert.deepEqual(read(limits), { cloud_limits: limits });
  assert.throws(() => read({ prod: { max_builds: 20 } }), /cloud_limits\.prod/);
  assert.throws(() => read({ prod: { max_concurrent_builds: 0 } }), /cloud_limits\.prod\.max_concurrent_builds/);
});
