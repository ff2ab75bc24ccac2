import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { run } from '../../../src/cli/cli.js';
import { KEYS_VARIABLE, generateKeyLine, readPayloadKeysFromEnv, type PayloadKeys } from '../../../src/codec/keys.js';
import { MEDIA_ADDRESSES } from '../../fakes/openstack/media-server.js';
import { TestEnv, type Build } from '../../support/test-env.js';
import { RecordingIo } from '../../unit/cli/recording-io.js';
import { until } from '../../support/until.js';
import { startWorkerCommand, type WorkerCommand } from '../../support/worker-command.js';

const FIRST = generateKeyLine('first');
const SECOND = generateKeyLine('second');

function keysOf(...lines: string[]): PayloadKeys | undefined {
  return readPayloadKeysFromEnv({ [KEYS_VARIABLE]: lines.join(' ') });
}

/**
 * Returns the ids of the keys with which the payloads in a build's history are encrypted. The result contains `none` if
 * a payload is not encrypted.
 */
async function keyIdsOf(build: Build): Promise<Set<string>> {
  const { events } = await build.handle.fetchHistory();
  const ids = new Set<string>();
  const visit = (value: unknown): void => {
    if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return;
    const { metadata } = value as { metadata?: Record<string, Uint8Array> };
    // Temporal indexes search attributes, so they are never encrypted. We recognise them by the metadata `type`, which
    // Temporal sets.
    if (metadata?.['encoding'] !== undefined && metadata['type'] === undefined) {
      ids.add(Buffer.from(metadata['encryption-key-id'] ?? 'none').toString());
    }
    for (const part of Object.values(value)) visit(part);
  };
  visit(events);
  return ids;
}

it('payload keys can be given to a worker whose builds have begun without them', { timeout: 240_000 }, async (t) => {
  const env = await TestEnv.start({ worker: false });
  const options = ['--task-queue', env.taskQueue, '--allow-address', MEDIA_ADDRESSES.join()];
  const start = (keys: Record<string, string>): WorkerCommand => {
    const worker = startWorkerCommand(env.storage, options, { ...env.variables(), ...keys });
    t.after(() => worker.child.kill('SIGKILL'));
    return worker;
  };
  t.after(() => env.close());
  const plain = start({});
  const build = await env.build(env.template({ name: 'began-plain' }));
  await build.reaches('jeos');
  plain.child.kill('SIGTERM');
  await plain.ended;
  start({ [KEYS_VARIABLE]: FIRST });
  // The client of this test has no keys, so it cannot read the result.
  await until(async () => {
    const { events } = await build.handle.fetchHistory();
    return events?.at(-1)?.workflowExecutionCompletedEventAttributes != null;
  }, 'the end of the build');
  assert.deepEqual([...(await keyIdsOf(build))].sort(), ['first', 'none']);
});

describe('payload keys', { concurrency: false, timeout: 240_000 }, () => {
  let env: TestEnv;
  before(async () => {
    const payloadKeys = keysOf(FIRST, SECOND);
    env = await TestEnv.start(payloadKeys === undefined ? {} : { payloadKeys });
  });
  after(() => env.close());

  async function restart(keys: PayloadKeys | undefined): Promise<void> {
    await env.stopWorker();
    env.payloadKeys = keys;
    await env.startWorker();
  }

  it('are rotated while a build runs', async () => {
    const build = await env.build(env.template({ name: 'rotated' }));
    await build.reaches('jeos');
    await restart(keysOf(SECOND, FIRST));
    await build.result();
    assert.deepEqual([...(await keyIdsOf(build))].sort(), ['first', 'second']);
  });

  it('that a worker does not have delay a build, and do not fail it', async () => {
    await restart(undefined);
    const build = await env.build(env.template({ name: 'held-up' }));
    const message = await until(async () => {
      const { events } = await build.handle.fetchHistory();
      const failed = (events ?? []).find((event) => event.workflowTaskFailedEventAttributes != null);
      return failed?.workflowTaskFailedEventAttributes?.failure?.message ?? undefined;
    }, 'a workflow task that fails');
    assert.match(message, /payload key "first", which is missing/);
    // The project’s create queue has run since the previous test, and its history is encrypted with the key `second`.
    // So the worker needs both keys.
    await restart(keysOf(FIRST, SECOND));
    await build.result();
  });

  it('that the command line does not have are named in its error', async () => {
    const build = await env.build(env.template({ name: 'unreadable' }));
    await build.result();
    const io = new RecordingIo(env.variables());
    assert.equal(await run(['--task-queue', env.taskQueue, 'status', build.uuid], io), 1);
    assert.match(
      io.stderr,
      /^imagefactory: the data in Temporal is encrypted with the payload key "first".*--payload-keys FILE/,
    );
  });
});
