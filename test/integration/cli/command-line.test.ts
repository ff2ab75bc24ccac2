import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { run } from '../../../src/cli/cli.js';
import { answerShell } from '../../../src/cli/completion/complete.js';
import { refreshBuilds } from '../../../src/cli/completion/refresh.js';
import type { Activities } from '../../../src/activities/index.js';
import { workflowIdFor } from '../../../src/domain/image-kinds.js';
import { SEARCH_ATTRIBUTES } from '../../../src/domain/search-attributes.js';
import { FactoryError } from '../../../src/domain/errors.js';
import { startTemporal, temporalEnv, withWorkers } from '../../support/temporal.js';
import { instantActivities, Parked } from './activities.js';
import { beginCommand, runCommand } from './run-command.js';
import { RecordingIo } from '../../unit/cli/recording-io.js';
import { until } from '../../support/until.js';

const TEMPLATE = `<template>
  <name>f19</name>
  <os>
    <name>Fedora</name>
    <version>19</version>
    <arch>x86_64</arch>
    <install type='url'>
      <url>http://download.example.org/fedora/19/os</url>
    </install>
  </os>
</template>
`;

const UUID = /[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/;

// The `temporal` program that the test run has found or built, else the one on the PATH.
process.env['TEMPORAL_CLI'] ??= (process.env['PATH'] ?? '')
  .split(delimiter)
  .map((directory) => join(directory, 'temporal'))
  .find((path) => existsSync(path));
const skip = process.env['TEMPORAL_CLI']
  ? false
  : 'there is no temporal program: set TEMPORAL_CLI or put it on the PATH';

describe('the command line against a real Temporal server', { skip }, () => {
  let environment: TestWorkflowEnvironment;
  const directory = mkdtempSync(join(tmpdir(), 'imagefactory-cli-'));
  const template = join(directory, 'f19.tdl');
  const script = join(directory, 'f19.ks');
  writeFileSync(template, TEMPLATE);
  writeFileSync(script, 'install\npoweroff\n');

  before(async () => {
    environment = await startTemporal();
  });
  after(async () => {
    await environment.teardown();
    rmSync(directory, { recursive: true });
  });

  // Each test has its own task queue.
  const begin = (queue: string, ...args: string[]): ReturnType<typeof beginCommand> =>
    beginCommand(environment, queue, ...args);
  const finish = (queue: string, ...args: string[]): ReturnType<typeof runCommand> =>
    runCommand(environment, queue, ...args);

  const build = ['base_image', '--file-parameter', 'install_script', script, '--parameter', 'flavor', '2', template];

  async function during<T>(
    queue: string,
    activities: Partial<Activities>,
    work: () => Promise<T>,
    parked?: Parked,
  ): Promise<T> {
    return withWorkers(environment, queue, activities, () => work().finally(() => parked?.release()));
  }

  it('base_image follows the build and prints only the final block on standard output', async () => {
    await during('good', instantActivities(), async () => {
      const { code, stdout, stderr } = await finish('good', ...build);
      const [uuid] = UUID.exec(stdout) ?? [];
      assert.equal(
        stdout,
        `\n============ Final Image Details ============\nUUID: ${uuid}\nType: base_image\n` +
          'Image filename: /storage/the.body\nImage build completed SUCCESSFULLY!\n' +
          'Image file: none; the image is in Glance (--parameter download True also writes the file)\n' +
          'Glance image: 2f0c7a52-5f0d-4dd8-b2b1-5dcd2b9e2f1c\nChecksum: sha512:ff\n',
      );
      assert.equal(code, 0);
      assert.match(stderr, /customise: install the packages/);
      const description = await environment.client.workflow
        .getHandle(workflowIdFor('base_image', String(uuid)))
        .describe();
      assert.equal(description.memo?.['template'], template);
      assert.match(String(await description.staticSummary()), /base image of f19: Fedora 19 x86_64/);
      assert.match(String(await description.staticDetails()), new RegExp(String(uuid)));
      assert.equal(description.typedSearchAttributes.get(SEARCH_ATTRIBUTES.imageType), 'base_image');
    });
  });

  it('in JSON mode base_image prints one document at the end: the record of the finished build', async () => {
    const readRecords = async (input: unknown): Promise<unknown> => {
      const { identifier } = (input as { spec: { identifier: string } }).spec;
      return { records: [{ identifier, status: 'COMPLETE', icicle: '<icicle/>' }], total: 1 };
    };
    await during('json', instantActivities({ readRecords }), async () => {
      const { code, stdout } = await finish('json', '--output', 'json', ...build);
      assert.equal(code, 0);
      const record = JSON.parse(stdout) as Record<string, unknown>;
      assert.equal(record['status'], 'COMPLETE');
      assert.equal(record['icicle'], '<icicle/>');
    });
  });

  it('a failed build says so with the step and the hint, and never exits 0', async () => {
    const planBaseImage = async (): Promise<never> => {
      throw new FactoryError('NotFound', 'there is no flavor 2', { hint: 'openstack flavor list shows them' });
    };
    await during('bad', instantActivities({ planBaseImage }), async () => {
      const { code, stdout, stderr } = await finish('bad', ...build);
      assert.equal(stdout, '\nImage build FAILED with error: plan: there is no flavor 2\n');
      assert.match(stderr, /What to do: openstack flavor list shows them/);
      assert.equal(code, 1);
      const json = await finish('bad', '--output', 'json', ...build);
      assert.equal(json.code, 1);
      const document = JSON.parse(json.stdout) as { status: string; status_detail: { error: string } };
      assert.equal(document.status, 'FAILED');
      assert.match(document.status_detail.error, /there is no flavor 2/);
    });
  });

  it('Ctrl-C detaches: the build goes on, and status, deadline, cancel and watch work', async () => {
    const parked = new Parked('waiting for quota: cores');
    await during(
      'long',
      instantActivities({ waitForJeos: parked.activity }),
      async () => {
        const { io, ended } = begin('long', ...build);
        await io.seen(/waiting for quota: cores/);
        io.interrupt();
        assert.equal(await ended, 130);
        const [uuid = ''] = UUID.exec(io.stderr) ?? [];
        assert.match(io.stderr, new RegExp(`imagefactory watch ${uuid}`));
        assert.match(io.stderr, new RegExp(`imagefactory cancel ${uuid}`));
        assert.equal(io.stdout, '');

        const seen = await finish('long', 'status', uuid);
        assert.equal(seen.code, 0);
        assert.match(seen.stdout, /▶ find the installed system/);
        assert.match(seen.stdout, /waiting for quota: cores \(12 %\)/);
        const document = JSON.parse((await finish('long', '--output', 'json', 'status', uuid)).stdout) as Record<
          string,
          unknown
        >;
        assert.equal(document['status'], 'BUILDING');
        assert.equal(document['execution'], 'RUNNING');

        assert.equal((await finish('long', 'deadline', uuid, 'install_timeout', '9999')).code, 0);
        const removal = await finish('long', 'delete', uuid);
        assert.equal(removal.code, 1);
        assert.match(removal.stderr, /is being built/);

        assert.equal((await finish('long', 'cancel', uuid)).code, 0);
        const end = await finish('long', 'watch', uuid);
        assert.equal(end.stdout, '\nImage build CANCELED\n');
        assert.equal(end.code, 1);
        assert.match((await finish('long', 'cancel', uuid)).stderr, /has already ended: CANCELLED/);
      },
      parked,
    );
  });

  it('--detach prints only the UUID, and watch follows that build to its end', async () => {
    await during('detached', instantActivities(), async () => {
      const { code, stdout } = await finish('detached', ...build, '--detach');
      assert.equal(code, 0);
      assert.match(stdout, new RegExp(`^${UUID.source}\n$`));
      const end = await finish('detached', 'watch', stdout.trim());
      assert.equal(end.code, 0);
      assert.match(end.stdout, /completed SUCCESSFULLY/);
    });
  });

  it('without a worker a build is still started, and the command says that a worker is missing', async () => {
    const { io, ended } = begin('nobody', ...build);
    await io.seen(/no worker polls the task queue "nobody", so the build waits: start one with `imagefactory worker`/);
    io.interrupt('SIGTERM');
    assert.equal(await ended, 143);
    const { code, stderr } = await finish('nobody', 'images');
    assert.equal(code, 1);
    assert.match(stderr, /no worker polls the task queue "nobody"/);
  });

  it('images prints a table for several images, the final block for one image, and nothing for none', async () => {
    const complete = { status: 'COMPLETE', os: { name: 'Debian', version: '12', arch: 'x86_64' }, data: '/s/x.body' };
    const stored = [
      { identifier: 'a', name: 'one', ...complete, glance_id: 'g1' },
      { identifier: 'b', name: 'two', ...complete, glance_id: 'g2' },
    ];
    const readRecords = async (input: unknown): Promise<unknown> => {
      const { identifier } = (input as { spec: { identifier?: string } }).spec;
      const records = stored.filter((record) => identifier === undefined || record.identifier === identifier);
      return { records, total: records.length };
    };
    await during('list', instantActivities({ readRecords }), async () => {
      const all = await finish('list', 'images');
      assert.match(all.stdout, /^UUID +STATUS +OS .*\na +COMPLETE +Debian 12 x86_64 +one .* g1\nb .* g2\n$/);
      assert.match(
        (await finish('list', 'images', '{"identifier": "b"}')).stdout,
        /UUID: b\n.*\n.*\n.*SUCCESSFULLY!\nImage file: none; .*\nGlance image: g2\n/,
      );
      const none = await finish('list', 'images', '{"status": "FAILED"}');
      assert.deepEqual([none.code, none.stdout], [0, '']);
      const documents = await Promise.all(
        ['{}', '{"identifier": "a"}', '{"status": "FAILED"}'].map((spec) =>
          finish('list', '--output', 'json', 'images', spec),
        ),
      );
      const lists = documents.map(({ stdout }) => (JSON.parse(stdout) as { images: { identifier: string }[] }).images);
      assert.deepEqual(
        lists.map((images) => images.map(({ identifier }) => identifier)),
        [['a', 'b'], ['a'], []],
      );
    });
  });

  it('a command that only reads leaves no workflow in Temporal’s list; a command that removes something does', async () => {
    const planSweep = async (): Promise<unknown> => ({ removals: [], kept: [], unnamed: 0, postponed: 0 });
    const deleteImage = async (): Promise<unknown> => ({ removed: [], found: true });
    await during('reads', instantActivities({ planSweep, deleteImage }), async () => {
      const commands = ['images', 'images', 'gc --dry-run', `delete ${randomUUID()}`, 'images', 'gc'];
      for (const command of commands) await finish('reads', ...command.split(' '));
      const listed = async (): Promise<string[]> => {
        const types: string[] = [];
        for await (const { type } of environment.client.workflow.list({ query: "TaskQueue = 'reads'" }))
          types.push(type);
        return types.sort();
      };
      await until(async () => (await listed()).length === 2, 'the workflows of reads are deleted');
      assert.deepEqual(await listed(), ['deleteImage', 'sweep']);
    });
  });

  it('images shows the current state of a running build, and not the older state in its record', async () => {
    const parked = new Parked('server is BUILD (spawning)');
    const identifier: string[] = [];
    const record = (): object => ({
      identifier: identifier[0],
      status: 'BUILDING',
      percent_complete: 0,
      status_detail: {},
    });
    const readRecords = async (): Promise<unknown> => ({ records: [record()], total: 1 });
    await during(
      'live',
      instantActivities({ readRecords, createServer: parked.activity }),
      async () => {
        const { io, ended } = begin('live', ...build);
        await io.seen(/server is BUILD/);
        identifier.push(String(UUID.exec(io.stderr)?.[0]));
        const { stdout } = await finish('live', '--output', 'json', 'images', '{"status": "BUILDING"}');
        const { images } = JSON.parse(stdout) as {
          images: { percent_complete: number; status_detail: { activity: string } }[];
        };
        assert.equal(images[0]?.percent_complete, 53);
        assert.equal(images[0]?.status_detail.activity, 'boot an instance from the JEOS: server is BUILD (spawning)');
        parked.release();
        assert.equal(await ended, 0);
      },
      parked,
    );
  });

  it('a build that Temporal has forgotten is shown from its record', async () => {
    const identifier = randomUUID();
    const readRecords = async (): Promise<unknown> => ({
      records: [{ identifier, status: 'COMPLETE', data: '/s/x.body' }],
      total: 1,
    });
    await during('forgotten', instantActivities({ readRecords }), async () => {
      for (const verb of ['status', 'watch']) {
        const { code, stdout } = await finish('forgotten', verb, identifier);
        assert.equal(code, 0, verb);
        assert.match(stdout, new RegExp(`UUID: ${identifier}\n`), verb);
      }
    });
  });

  describe('a build', () => {
    /** Starts a build of a template with this name, without a worker, and waits until Temporal lists the build. */
    async function start(name: string): Promise<string> {
      const file = join(directory, `${randomUUID()}.tdl`);
      writeFileSync(file, TEMPLATE.replace('<name>f19</name>', `<name>${name}</name>`));
      const args = ['base_image', '--file-parameter', 'install_script', script, '--detach', file];
      const uuid = (await finish('named', ...args)).stdout.trim();
      const query = `WorkflowId = '${workflowIdFor('base_image', uuid)}'`;
      await until(async () => (await environment.client.workflow.count(query)).count === 1, 'Temporal lists the build');
      return uuid;
    }

    it('is found by the name of its template, and by the beginning of its UUID or its workflow id', async () => {
      const name = `it's \\ "${randomUUID()}"`;
      const uuid = await start(name);
      for (const given of [
        name,
        uuid.slice(0, 9),
        uuid.slice(0, 30).toUpperCase(),
        `base_image-${uuid.slice(0, 12)}`,
      ]) {
        const { code, stdout, stderr } = await finish('named', 'cancel', '--detach', given);
        assert.equal(code, 0, stderr);
        assert.match(stdout, new RegExp(`The cancellation of build ${uuid} is requested`), given);
      }
    });

    it('is not guessed when several match: the command lists them, does nothing, and fails', async () => {
      const name = `twice-${randomUUID()}`;
      const uuids = [await start(name), await start(name)];
      const { code, stdout, stderr } = await finish('named', 'cancel', '--detach', name);
      assert.equal(code, 1);
      assert.equal(stdout, '');
      assert.match(stderr, new RegExp(`several builds match "${name}"`));
      for (const uuid of uuids) {
        assert.match(stderr, new RegExp(`${uuid} \\(NEW, started .* UTC, template ${name}\\)`));
        const { status } = await environment.client.workflow.getHandle(workflowIdFor('base_image', uuid)).describe();
        assert.equal(status.name, 'RUNNING');
      }
    });

    it('is not found by a beginning of the name, or by a text that is empty', async () => {
      const name = `whole-${randomUUID()}`;
      await start(name);
      const readRecords = async (): Promise<unknown> => ({ records: [], total: 0 });
      await during('whole-name', instantActivities({ readRecords }), async () => {
        const { stderr } = await finish('whole-name', 'cancel', name.slice(0, -1));
        assert.match(stderr, /No image found with id: whole-/);
      });
      // Without a worker, nobody can say that there is no such image.
      assert.match((await finish('named', 'cancel', name.slice(0, -1))).stderr, /no worker polls the task queue/);
      assert.equal((await finish('named', 'cancel', '')).code, 2);
    });

    it('is offered by the completion, after a refresh and on the machine where it was started', async () => {
      const env = { ...temporalEnv(environment), XDG_CACHE_HOME: mkdtempSync(join(directory, 'cache-')) };
      const uuid = await start('completed');
      const offer = (): Promise<string> =>
        answerShell(['status', uuid.slice(0, 12)], { ...env, IMAGEFACTORY_SHELL: 'fish' }, () => undefined);
      assert.equal(await offer(), '');
      await refreshBuilds(env);
      assert.equal(await offer(), `${uuid}\tcompleted, NEW\n`);
      const own = new RecordingIo({
        ...temporalEnv(environment),
        XDG_CACHE_HOME: mkdtempSync(join(directory, 'own-')),
      });
      assert.equal(await run([...build, '--detach'], own), 0);
      const words = ['status', own.stdout.trim()];
      assert.equal(await answerShell(words, own.env, () => undefined), own.stdout);
    });

    it('that Temporal has forgotten is found too, and delete does not overlook it', async () => {
      const name = `old-${randomUUID()}`;
      const old = randomUUID();
      const record = { identifier: old, name, status: 'COMPLETE', data: '/s/x.body' };
      const readRecords = async (): Promise<unknown> => ({ records: [record], total: 1 });
      const deleteImage = async (): Promise<unknown> => ({ found: true, removed: [] });
      await during('forgotten-name', instantActivities({ readRecords, deleteImage }), async () => {
        for (const given of [name, old.slice(0, 20)]) {
          assert.match((await finish('forgotten-name', 'status', given)).stdout, new RegExp(`UUID: ${old}\n`));
        }
        assert.match((await finish('forgotten-name', 'delete', name)).stdout, new RegExp(`Deleted image ${old}`));
        const later = await start(name);
        const { code, stderr } = await finish('forgotten-name', 'delete', name);
        assert.equal(code, 1);
        for (const uuid of [old, later]) assert.match(stderr, new RegExp(uuid));
      });
    });
  });

  it('an unknown image gives one sentence and exit code 1', async () => {
    const uuid = randomUUID();
    await during('unknown', instantActivities(), async () => {
      for (const verb of ['status', 'watch', 'cancel', 'delete']) {
        const { code, stderr } = await finish('unknown', verb, uuid);
        assert.equal(code, 1, verb);
        assert.match(stderr, new RegExp(`No image found with id: ${uuid}`), verb);
      }
    });
  });
});
