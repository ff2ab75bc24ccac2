import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { workflowIdFor } from '../../../src/domain/image-kinds.js';
import { run } from '../../../src/cli/cli.js';
import { TestEnv, Build } from '../../support/test-env.js';
import { RecordingIo } from '../../unit/cli/recording-io.js';
import { until } from '../../support/until.js';

const BAD = '<commands><command name="bad">echo so sad; exit 3</command></commands>';
const LONG = '<commands><command name="long">sleep 300</command></commands>';

interface StatusDocument {
  status: string;
  execution: string;
  failure: { step: string; message: string; hint?: string };
  resumes: { from?: string; what?: string; unknown?: string };
  removed?: string[];
  commands: string[];
}

describe('the status of a build', { concurrency: 4 }, () => {
  let env: TestEnv;
  before(async () => {
    env = await TestEnv.start();
    await (await env.build(env.template())).result();
  });
  after(() => env.close());

  async function asked(build: Build, on = env): Promise<{ text: string; json: StatusDocument }> {
    const answer = async (...options: string[]): Promise<string> => {
      const io = new RecordingIo(on.variables());
      const code = await run(['--task-queue', on.taskQueue, ...options, 'status', build.uuid], io);
      assert.equal(code, 0, io.stderr);
      return io.stdout;
    };
    return { text: await answer(), json: JSON.parse(await answer('--output', 'json')) as StatusDocument };
  }

  function serverOf(build: Build): string {
    return [...env.cloud.state.servers.values()].find(({ name }) => name.endsWith(build.uuid))?.id ?? 'none';
  }

  async function jeosOf(build: Build): Promise<string> {
    return (await build.status()).resources['jeos_image'] ?? 'none';
  }

  it('that has failed says what failed, why, and that it goes on from the JEOS', async () => {
    const build = await env.build(env.template({ body: BAD }));
    await build.failure();
    const { text, json } = await asked(build);
    const jeos = await jeosOf(build);
    assert.match(text, /The build has ended without an image \(FAILED\) in command:1 bad:/);
    assert.match(text, /ended with exit status 3\n +so sad\n/);
    assert.match(text, /What to do: correct the template/);
    assert.match(text, new RegExp(`resume ${build.uuid} +goes on from the installed system, JEOS image ${jeos}`));
    assert.equal(json.status, 'FAILED');
    assert.equal(json.execution, 'FAILED');
    assert.equal(json.failure.step, 'command:1 bad');
    assert.match(json.failure.message, /exit status 3/);
    assert.deepEqual(json.resumes, { from: 'jeos', what: `the installed system, JEOS image ${jeos}` });
    assert.deepEqual(json.commands, [
      `imagefactory resume ${build.uuid}`,
      `imagefactory resume ${build.uuid} --template FILE`,
    ]);
  });

  it('that has kept its instance says that it goes on from the instance', async () => {
    const build = await env.build(env.template({ body: BAD }), { on_error: 'keep' });
    await build.failure();
    const { text, json } = await asked(build);
    assert.equal(json.resumes.from, 'instance');
    assert.match(
      text,
      new RegExp(`goes on from instance ${serverOf(build)}, in which steps that have run do not run again`),
    );
    assert.ok(json.commands.includes(`imagefactory resume ${build.uuid} --from customise`));
  });

  it('that was terminated says so, names the step, and says how to remove what it has left', async () => {
    const build = await env.build(env.template({ body: LONG }));
    await build.reaches('command:1 long');
    await build.handle.terminate('the power was needed');
    const { text, json } = await asked(build);
    assert.match(text, /TERMINATED {2}phase 3\/5: customise/);
    assert.match(
      text,
      /has ended without an image \(TERMINATED\) in command:1 long:\n.*terminated \(the power was needed\)/,
    );
    assert.match(text, /imagefactory gc +removes the build’s resources, when they are a day old/);
    assert.equal(json.status, 'FAILED');
    assert.equal(json.execution, 'TERMINATED');
    assert.equal(json.failure.step, 'command:1 long');
    assert.equal(json.resumes.from, 'instance');
    env.cloud.deleteServer(serverOf(build));
    assert.equal((await asked(build)).json.resumes.from, 'jeos');
  });

  it('that was terminated after its snapshot says that it goes on from the snapshot', async () => {
    const build = await env.build(env.template());
    await build.reaches('base.publish');
    await build.handle.terminate('by a test');
    const { json } = await asked(build);
    assert.equal(json.resumes.from, 'snapshot');
    assert.match(json.resumes.what ?? '', /^the snapshot [0-9a-f-]{36} of the customised instance$/);
  });

  it('that was cancelled says what was removed', async () => {
    const build = await env.build(env.template({ body: LONG }));
    await build.reaches('command:1 long');
    await build.handle.cancel();
    await assert.rejects(build.result());
    const { text, json } = await asked(build);
    assert.equal(json.status, 'CANCELED');
    assert.equal(json.execution, 'CANCELLED');
    assert.match(text, /removed instance [0-9a-f-]{36}, /);
    assert.match((json.removed ?? []).join(), /^instance .*key pair/);
    assert.equal(json.resumes.from, 'jeos');
  });

  it('that Temporal has timed out says so', async () => {
    const { handle, uuid } = await env.build(env.template({ name: 'late', body: LONG }));
    const { args } = await inputOf(handle.workflowId);
    await handle.cancel();
    await assert.rejects(handle.result());
    const again = await env.temporal.client.workflow.start('baseImage', {
      taskQueue: env.taskQueue,
      workflowId: workflowIdFor('base_image', uuid),
      args,
      workflowExecutionTimeout: '3s',
    });
    await assert.rejects(again.result());
    const { json, text } = await asked(new Build(uuid, again as Build['handle'], env));
    assert.equal(json.execution, 'TIMED_OUT');
    assert.equal(json.status, 'FAILED');
    assert.match(text, /\(TIMED_OUT\)/);
    assert.notEqual(json.resumes.from, undefined);
  });

  async function inputOf(workflowId: string): Promise<{ args: unknown[] }> {
    const { events } = await env.temporal.client.workflow.getHandle(workflowId).fetchHistory();
    const payload = events?.[0]?.workflowExecutionStartedEventAttributes?.input?.payloads?.[0];
    return { args: [JSON.parse(Buffer.from(payload?.data ?? []).toString('utf8'))] };
  }

  it('that has failed before it created anything says that it goes on from the beginning', async () => {
    const build = await env.build(env.template({ name: 'early' }), { flavor: 'm9.huge' });
    await build.failure();
    const { json, text } = await asked(build);
    assert.equal(json.failure.step, 'plan');
    assert.equal(json.resumes.from, 'nothing');
    assert.match(text, /goes on from the beginning: the build has nothing on cloud envvars to continue from/);
  });

  it('whose installer run goes on for another build says that it joins that run again', async () => {
    const forget = env.cloud.behaviours.add({ match: { boots: 'installer' }, installer: 'never-off' });
    const parts = { name: 'shared', version: '11' };
    const [one, other] = await Promise.all([env.build(env.template(parts)), env.build(env.template(parts))]);
    for (const build of [one, other]) await build.reaches('jeos');
    const run = env.temporal.client.workflow.getHandle((await one.status()).jeosWorkflowId ?? '');
    await until(async () => {
      const { events } = await run.fetchHistory().catch(() => ({ events: [] }));
      const signals = (events ?? []).map((event) => event.workflowExecutionSignaledEventAttributes?.signalName);
      return signals.filter((name) => name === 'join').length >= 2;
    }, 'both builds have joined');
    await one.handle.cancel();
    await assert.rejects(one.result());
    assert.equal((await asked(one)).json.resumes.from, 'installation');
    await other.handle.cancel();
    await assert.rejects(other.result());
    forget();
  });

  it('that is held says what failed, since when it waits, what comes next, and the commands', async () => {
    const build = await env.build(env.template({ body: BAD }), { on_error: 'hold' });
    await build.held();
    const { text, json } = await asked(build);
    assert.match(text, / HELD /);
    assert.equal(json.status, 'HELD');
    const page = await build.handle.query<{ currentDetails: string }>('__temporal_workflow_metadata');
    assert.match(page.currentDetails, /^### tiny: HELD\n/);
    const io = new RecordingIo(env.variables());
    await run(['--task-queue', env.taskQueue, '--output', 'json', 'images', `{"identifier": "${build.uuid}"}`], io);
    const { images } = JSON.parse(io.stdout) as { images: { status: string }[] };
    assert.deepEqual(images.map(({ status }) => status), ['HELD']); // prettier-ignore
    assert.match(text, /The build is held: command:1 bad failed 0:\d\d ago/);
    assert.match(text, /In 23:59:\d\d the build gives up and cleans up/);
    assert.match(text, /tries again: run command bad/);
    assert.deepEqual(
      json.commands.map((command) => command.replace(build.uuid, 'UUID')),
      [
        'imagefactory resume UUID',
        'imagefactory resume UUID --template FILE',
        'imagefactory resume UUID --skip',
        'imagefactory ssh UUID',
        'imagefactory abort UUID',
      ],
    );
    await build.handle.cancel();
    await assert.rejects(build.result());
  });

  it('shows, when no worker runs, what Temporal has stored', async () => {
    const other = await TestEnv.start({ temporal: env.temporal });
    try {
      const build = await other.build(other.template({ body: BAD }));
      await build.failure();
      await other.stopWorker();
      const { text, json } = await asked(build, other);
      assert.match(text, /ended with exit status 3/);
      assert.match(json.resumes.unknown ?? '', /no worker/);
      assert.equal(json.commands[0], `imagefactory resume ${build.uuid}`);
    } finally {
      await other.close();
    }
  });
});
