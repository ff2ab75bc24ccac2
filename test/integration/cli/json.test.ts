import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { run } from '../../../src/cli/cli.js';
import { COMMANDS } from '../../../src/cli/commands/index.js';
import { WITHOUT_RESULT } from '../../../src/cli/documents.js';
import { FactoryError } from '../../../src/domain/errors.js';
import { checkDocument } from '../../support/json-documents.js';
import { PLANNED_PUSH, REGISTERED, TARGET_PLAN } from '../../support/stubs.js';
import { startTemporal, temporalEnv, withWorkers } from '../../support/temporal.js';
import { until } from '../../support/until.js';
import { RecordingIo } from '../../unit/cli/recording-io.js';
import { instantActivities, Parked } from './activities.js';

const TEMPLATE = `<template><name>f19</name><os><name>Fedora</name><version>19</version><arch>x86_64</arch>
<install type='url'><url>http://download.example.org/os</url></install></os></template>`;

/** UUID of a base image that the worker of queue `converting` has. */
const BASE = '6f1ed002-ab5b-4a3c-9a5e-6cf9a0f1a3a1';
const TARGET = '7d81a16f-5b69-49c2-bfd4-eeffacca9cd8';
const DISK = { size: 7, virtualSize: 9, sha256: 'a', sha512: 'b', verifiedBy: 'nobody', converter: 'none' };

describe('the JSON documents of the commands', { timeout: 240_000 }, () => {
  let environment: TestWorkflowEnvironment;
  const directory = mkdtempSync(join(tmpdir(), 'imagefactory-json-'));
  const template = join(directory, 'f19.tdl');
  writeFileSync(template, TEMPLATE);
  const build = ['base_image', '--parameter', 'flavor', '2', template];
  const parked = new Parked('waiting');
  const refuse = async (): Promise<never> => {
    throw new FactoryError('NotFound', 'there is no flavor 2', { hint: 'openstack flavor list shows them' });
  };
  const workers: (() => void)[] = [];
  const running: Promise<unknown>[] = [];

  /** Starts the workers of a task queue; they run until the end of the tests. */
  async function serve(queue: string, activities: Parameters<typeof instantActivities>[0]): Promise<void> {
    await new Promise<void>((ready) => {
      running.push(
        withWorkers(environment, queue, instantActivities(activities), async () => {
          const stopped = new Promise<void>((stop) => workers.push(stop));
          ready();
          await stopped;
        }),
      );
    });
  }

  /** The commands that have had a document of a success, and those with a document of a failure. */
  const shown = { success: new Set<string>(), failure: new Set<string>() };

  /** Runs a command with JSON on a task queue, and checks its exit code and its document. */
  async function ask(queue: string, expected: number, ...line: string[]): Promise<Record<string, unknown>> {
    const io = new RecordingIo({
      ...temporalEnv(environment),
      IMAGEFACTORY_CACHE: directory,
      TEMPORAL_CLI: '/bin/false',
    });
    const code = await run(['--output', 'json', '--task-queue', queue, ...line], io);
    assert.equal(code, expected, `${line.join(' ')}: ${io.stdout}${io.stderr}`);
    const [command = ''] = line;
    shown[code === 0 ? 'success' : 'failure'].add(command);
    return checkDocument(command, code, io.stdout);
  }

  async function start(queue: string, ...options: string[]): Promise<string> {
    const { identifier, status } = await ask(queue, 0, ...build, '--detach', ...options);
    assert.equal(status, 'NEW');
    return String(identifier);
  }

  before(async () => {
    environment = await startTemporal();
    const deleted = async (): Promise<unknown> => ({ removed: ['Glance image g', 'u.meta'], found: true });
    const sweep = async (): Promise<unknown> => ({
      removals: [],
      kept: [{ resource: { kind: 'volume', id: 'v', name: 'n', workflows: [] }, why: 'young' }],
      unnamed: 0,
      postponed: 0,
    });
    const removed = async (): Promise<unknown> => ({ removed: ['instance s', 'key pair k'], leftovers: [] });
    const readResumePoint = async (): Promise<unknown> => ({ from: 'nothing', what: 'the beginning' });
    await serve('good', { deleteImage: deleted, planSweep: sweep });
    await serve('bad', { planBaseImage: refuse, planSweep: refuse, readResumePoint });
    const readLogs = async (): Promise<unknown> => ({ isKnown: true, logs: [], text: '' });
    await serve('logged', { readLogs });
    const body = join(directory, 'body');
    writeFileSync(body, 'content');
    const stored = { data: body, downloaded: true, size: 7 };
    const base = { identifier: BASE, type: 'BaseImage', status: 'COMPLETE', name: 'f19', cloud: 'envvars', ...stored };
    const readRecords = async (input: unknown): Promise<unknown> => {
      const { identifier = BASE } = (input as { spec: { identifier?: string } }).spec;
      return identifier === BASE ? { records: [base], total: 1 } : { records: [], total: 0 };
    };
    const convertImage = async (): Promise<unknown> => DISK;
    const planTargetImage = async (input: unknown): Promise<unknown> => {
      const { target } = (input as { input: { target: string } }).input;
      return { name: 'f19', imageName: 'f19', os: { name: 'Fedora', version: '19', arch: 'x86_64' }, target };
    };
    await serve('converting', { readRecords, planTargetImage, convertImage });
    const readTarget = async (input: unknown): Promise<unknown> => {
      const { identifier } = (input as { spec: { identifier?: string } }).spec;
      const target = { ...base, identifier: TARGET, type: 'TargetImage' };
      return identifier === TARGET ? { records: [target], total: 1 } : { records: [], total: 0 };
    };
    await serve('pushing', {
      readRecords: readTarget,
      planProviderImage: async () => PLANNED_PUSH,
      uploadToProvider: async () => ({ ids: {}, sent: 1, verifiedBy: 'a stub' }),
      registerImage: async () => REGISTERED,
      endPush: async () => [],
      readProviders: async () => [],
    });
    await serve('held', { runTemplateStep: refuse });
    await serve('parked', { waitForJeos: parked.activity, removeResources: removed });
  });
  after(async () => {
    parked.release();
    for (const stop of workers) stop();
    await Promise.all(running);
    await environment.teardown();
    rmSync(directory, { recursive: true });
  });

  it('base_image, watch, status, images, resume and delete tell one story of a build', async () => {
    const built = await ask('good', 0, ...build);
    assert.equal(built['status'], 'COMPLETE');
    const uuid = String(built['identifier']);
    assert.equal((await ask('good', 0, 'watch', uuid))['identifier'], uuid);
    assert.equal((await ask('good', 0, 'status', uuid))['identifier'], uuid);
    await ask('good', 1, 'resume', uuid);
    await ask('good', 1, 'cancel', uuid);
    await ask('good', 1, 'deadline', uuid, 'install_timeout', '60');
    await ask('good', 1, 'abort', uuid);
    await ask('good', 1, 'ssh', uuid);
    assert.deepEqual((await ask('good', 0, 'images'))['images'], []);
    assert.deepEqual((await ask('good', 0, 'delete', uuid, '--cascade'))['removed'], ['Glance image g', 'u.meta']);
    const status = await ask('good', 0, 'status', uuid);
    const { at, by, removed } = status['deleted'] as { at: string; by: string; removed: string[] };
    assert.equal(status['status'], 'DELETED');
    assert.match(by, /@/);
    assert.ok(Date.parse(at) > 0);
    assert.deepEqual(removed, ['Glance image g', 'u.meta']);
    assert.ok((await ask('good', 0, 'watch', uuid))['deleted']);
  });

  it('an image whose build Temporal has forgotten, and which was deleted, is not unknown', async () => {
    const uuid = randomUUID();
    await ask('good', 0, 'delete', uuid);
    const status = await ask('good', 0, 'status', uuid);
    assert.deepEqual([status['identifier'], status['status'], status['execution']], [uuid, 'DELETED', null]);
    const io = new RecordingIo(temporalEnv(environment));
    assert.equal(await run(['--task-queue', 'good', 'status', uuid], io), 0);
    assert.match(io.stdout, new RegExp(`^Image ${uuid} was deleted .* UTC by \\S+@\\S+: Glance image g, u.meta\n$`));
  });

  it('a second deletion, which finds nothing, does not hide the first one', async () => {
    const uuid = randomUUID();
    let found = true;
    const deleteImage = async (): Promise<unknown> => ({ removed: found ? ['Glance image g'] : [], found });
    await serve('twice', { deleteImage });
    await ask('twice', 0, 'delete', uuid);
    found = false;
    await ask('twice', 1, 'delete', uuid);
    // Temporal's list of workflows follows a moment later.
    await until(async () => {
      const io = new RecordingIo(temporalEnv(environment));
      return (await run(['--output', 'json', '--task-queue', 'twice', 'status', uuid], io)) === 0;
    }, 'the first deletion is listed');
    assert.equal((await ask('twice', 0, 'status', uuid))['status'], 'DELETED');
  });

  it('a failed build is a document with an error', async () => {
    const failed = await ask('bad', 1, ...build);
    assert.deepEqual(failed['error'], {
      type: 'NotFound',
      message: 'there is no flavor 2',
      hint: 'openstack flavor list shows them',
    });
    const uuid = String(failed['identifier']);
    assert.equal((await ask('bad', 1, 'watch', uuid))['status'], 'FAILED');
    assert.equal(((await ask('bad', 0, 'status', uuid))['failure'] as { type: string }).type, 'NotFound');
    await ask('bad', 1, 'delete', uuid);
    assert.equal((await ask('bad', 0, 'resume', uuid, '--detach'))['identifier'], uuid);
    await ask('bad', 1, 'gc');
  });

  it('target images are a list of documents', async () => {
    const { images } = await ask('converting', 0, 'target_image', 'qcow2,vsphere', '--id', BASE);
    const made = images as Record<string, unknown>[];
    assert.deepEqual(made.map(({ target }) => target), ['libvirt', 'vsphere']); // prettier-ignore
    assert.deepEqual(made.map(({ status }) => status), ['COMPLETE', 'COMPLETE']); // prettier-ignore
    const started = await ask('converting', 0, 'target_image', 'raw', '--id', BASE, '--detach');
    const [{ identifier }] = started['images'] as [{ identifier: string }];
    assert.equal((await ask('converting', 0, 'watch', identifier))['type'], 'TargetImage');
    assert.equal((await ask('converting', 0, 'status', identifier))['type'], 'target_image');
    const both = await ask('good', 0, 'target_image', 'qcow2', '--template', template, '--parameter', 'flavor', '2');
    assert.equal((both['base_image'] as Record<string, unknown>)['status'], 'COMPLETE');
    await ask('bad', 1, 'target_image', 'qcow2', '--template', template, '--parameter', 'flavor', '2');
    await ask('converting', 2, 'target_image', 'qcow2', '--id', BASE, '--template', template);
    await ask('converting', 1, 'target_image', 'qcow2', '--id', randomUUID());
    await ask('converting', 2, 'target_image', 'atlas', '--id', BASE);
    await ask('converting', 2, 'target_image', 'qcow2');
    const { images: related } = await ask('converting', 0, 'lineage', BASE);
    assert.deepEqual((related as Record<string, unknown>[]).map(({ identifier: id }) => id), [BASE]); // prettier-ignore
    await ask('converting', 1, 'lineage', randomUUID());
    const file = join(directory, 'downloaded');
    const { from } = await ask('converting', 0, 'download', BASE, file);
    assert.equal(from, 'store');
    await ask('converting', 1, 'download', BASE, file);
    await ask('converting', 2, 'download', BASE, '-');
    await ask('converting', 0, 'targets');
    await ask('converting', 2, 'targets', '--nonsense');
  });

  it('a deletion with --cascade is refused while an image is being made from the image', async () => {
    const converting = new Parked('converting');
    const records = [{ identifier: BASE, type: 'BaseImage', status: 'COMPLETE', name: 'f19', cloud: 'envvars' }];
    let deletions = 0;
    let fails = false;
    await serve('cascading', {
      readRecords: async (input) => {
        const { identifier } = (input as { spec: { identifier?: string } }).spec;
        const found = records.filter((record) => identifier === undefined || record.identifier === identifier);
        return { records: found, total: found.length };
      },
      planTargetImage: async () => TARGET_PLAN,
      convertImage: converting.activity,
      deleteImage: async (input) => {
        const isBase = (input as { uuid: string }).uuid === BASE;
        if (isBase && fails) throw new FactoryError('StoreFailed', 'the disk is read-only');
        return { removed: [String(++deletions)], found: true };
      },
    });
    const started = await ask('cascading', 0, 'target_image', 'raw', '--id', BASE, '--detach');
    const [{ identifier: child }] = started['images'] as [{ identifier: string }];
    records.push({ identifier: child, type: 'TargetImage', status: 'BUILDING', name: 'f19', cloud: 'envvars', ...{ base_image_id: BASE } }); // prettier-ignore
    const { error } = await ask('cascading', 1, 'delete', BASE, '--cascade');
    const { type, message, hint } = error as Record<string, string>;
    assert.equal(type, 'BuildState');
    assert.equal(message, `image ${child}, which is made from it, is being built`);
    assert.match(hint ?? '', new RegExp(`imagefactory cancel ${child}`));
    assert.equal(deletions, 0);
    await ask('cascading', 0, 'cancel', child);
    fails = true;
    const { error: failure } = await ask('cascading', 1, 'delete', BASE, '--cascade');
    const failed = failure as Record<string, string>;
    assert.equal(failed['type'], 'PartlyDeleted');
    assert.match(failed['message'] ?? '', new RegExp(`^image ${BASE} could not be deleted: .*the disk is read-only`));
    assert.match(failed['hint'] ?? '', new RegExp(`deleted before it: ${child} \\(1\\)`));
    fails = false;
    const deleted = await ask('cascading', 0, 'delete', BASE, '--cascade');
    assert.deepEqual(deleted['children'], [{ identifier: child, removed: ['2'] }]);
    assert.deepEqual(deleted['removed'], ['3']);
  });

  it('a held build can be aborted', async () => {
    const uuid = await start('held', '--on-error', 'hold');
    await until(async () => 'held' in (await ask('held', 0, 'status', uuid)), 'the build is held');
    assert.equal((await ask('held', 0, 'abort', uuid))['identifier'], uuid);
    await ask('held', 1, 'watch', uuid);
  });

  it('cancel names what was removed, and what was left', async () => {
    const uuid = await start('parked');
    await until(async () => (await ask('parked', 0, 'status', uuid))['phase'] === 'jeos', 'the build waits');
    await ask('parked', 0, 'deadline', uuid, 'install_timeout', '9999');
    await ask('parked', 1, 'delete', uuid);
    const canceled = await ask('parked', 0, 'cancel', uuid);
    assert.deepEqual(
      [canceled['status'], canceled['removed'], canceled['leftovers']],
      ['CANCELED', ['instance s', 'key pair k'], []],
    );
    const other = await start('parked');
    assert.equal((await ask('parked', 0, 'cancel', other, '--detach'))['cancel_requested'], true);
  });

  it('a signal that ends the command leaves a document that says so', async () => {
    const uuid = await start('parked');
    const io = new RecordingIo(temporalEnv(environment));
    const ended = run(['--output', 'json', '--task-queue', 'parked', 'watch', uuid], io);
    await io.seen(/waiting/);
    io.interrupt();
    assert.equal(await ended, 130);
    const document = checkDocument('watch', 130, io.stdout);
    assert.deepEqual([document['identifier'], document['status']], [uuid, 'BUILDING']);
    await ask('parked', 0, 'cancel', uuid);
  });

  it('commands without a build have a document for success and for failure', async () => {
    await ask('good', 0, 'validate', template);
    await ask('good', 1, 'validate', join(directory, 'missing'));
    await ask('good', 0, 'install-script', template);
    await ask('good', 0, 'init', '--list');
    await ask('good', 0, 'init', 'debian-12', '--directory', join(directory, 'first'));
    await ask('good', 2, 'init', 'debian-12', '--directory', join(directory, 'first'));
    await ask('good', 2, 'completion', 'csh');
    await ask('good', 0, 'import_base_image', 'glance:cirros', '--parameter', 'flavor', '2', '--detach');
    await ask('good', 2, 'import_base_image', 'glance:');
    await ask('good', 2, 'install-script', join(directory, 'missing'));
    await ask('nobody', 1, 'images');
    assert.deepEqual((await ask('logged', 0, 'logs', randomUUID()))['logs'], []);
    await ask('good', 1, 'logs', randomUUID());
    await ask('good', 0, 'gc', '--dry-run');
    await ask('good', 0, 'plugins');
    await ask('good', 1, 'plugins', '--id', 'beos');
    await ask('good', 0, 'dev', 'status');
    await ask('good', 1, 'dev', 'start');
    await ask('good', 0, 'setup', '--gc-schedule', 'off');
    await ask('good', 2, 'setup', '--gc-schedule', '1s');
    await ask('good', 0, 'codec', 'new-key');
    await ask('good', 2, 'codec', 'serve');
    await ask('good', 2, 'worker', '--deployment', 'd');
    for (const verb of ['status', 'watch', 'cancel', 'resume', 'ssh', 'abort'])
      await ask('good', 1, verb, randomUUID());
  });

  it('push, provider_image and providers: the images at the providers, and the providers', async () => {
    const { images } = await ask('pushing', 0, 'provider_image', 'vmdk', '@other', '--id', TARGET);
    const [image] = images as { status: string; identifier_on_provider: string }[];
    assert.deepEqual([image?.status, image?.identifier_on_provider], ['COMPLETE', 'registered']);
    await ask('pushing', 0, 'push', TARGET, 'another', '--detach');
    assert.deepEqual((await ask('pushing', 0, 'providers'))['providers'], []);
    await ask('pushing', 2, 'provider_image', 'vmdk', '@other');
    await ask('pushing', 1, 'push', randomUUID(), 'other');
    await ask('nobody', 1, 'providers');
  });

  it('every command has had a document of a success, and one of a failure', () => {
    const names = COMMANDS.map(({ usage }) => usage.split(' ')[0] ?? '');
    const withResult = names.filter((name) => !WITHOUT_RESULT.includes(name));
    assert.deepEqual([...shown.success].sort(), withResult.sort());
    assert.deepEqual([...shown.failure].sort(), names.sort());
  });
});
