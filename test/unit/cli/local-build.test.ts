import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { buildWithClient, Interruption } from '../../../src/cli/commands/local-build.js';
import { resolveSettings } from '../../../src/cli/config.js';
import { findFreePort } from '../../../src/cli/local/local-server.js';
import { openStateFolder } from '../../../src/cli/local/state-folder.js';
import { checkRequest, type BuildRequest, type ImageFactoryClient } from '../../../src/client/index.js';
import { RecordingIo } from './recording-io.js';

const REQUEST: BuildRequest = {
  template: {
    name: 'tiny.tdl',
    text: `<template><name>tiny</name><os><name>Debian</name><version>12</version><arch>x86_64</arch>
<install type="url"><url>http://deb.debian.org/debian</url></install></os></template>`,
  },
  installScript: { text: 'd-i debian-installer/exit/poweroff boolean true\n' },
  parameters: { flavor: 'm1.small' },
};

/**
 * A client of a Temporal without builds. It calls `started` while a build is started, and `cancelled` when one is
 * cancelled.
 */
function clientOf(started: () => void, cancelled: () => void): ImageFactoryClient {
  const handle = {
    describe: async () => ({
      workflowId: 'base_image-u',
      runId: 'r',
      historyLength: 9,
      status: { name: 'RUNNING' },
      startTime: new Date(0),
      raw: {},
    }),
    query: async () => Promise.reject(new Error('the query timed out')),
    cancel: async () => cancelled(),
  };
  return {
    taskQueue: 'local',
    temporal: {
      workflow: {
        list: async function* () {
          // Temporal has no builds.
        },
        start: async () => {
          started();
          return { firstExecutionRunId: 'r' };
        },
        getHandle: () => handle,
      },
    },
    connection: { workflowService: { describeTaskQueue: async () => ({ pollers: [] }) } },
    withTimeout: (call: () => Promise<unknown>) => call(),
  } as unknown as ImageFactoryClient;
}

describe('a local build', () => {
  const path = mkdtempSync(join(tmpdir(), 'imagefactory-local-unit-'));
  after(() => rmSync(path, { recursive: true }));

  /** Starts a build. Sends one signal while it is started, and another one when its cancellation is requested. */
  async function build(first: 'SIGINT' | 'SIGTERM'): Promise<{ code: number; stderr: string; cancellations: number }> {
    const io = new RecordingIo();
    const interruption = new Interruption({ io });
    let cancellations = 0;
    const client = clientOf(
      () => io.interrupt(first),
      () => {
        cancellations++;
        io.interrupt('SIGINT');
      },
    );
    const code = await buildWithClient({ io, settings: resolveSettings({}, {}, {}), options: {} }, client, {
      request: REQUEST,
      checked: checkRequest(REQUEST),
      interruption,
      folder: openStateFolder({ IMAGEFACTORY_STATE: path }),
    });
    interruption.close();
    return { code, stderr: io.stderr, cancellations };
  }

  it('is cancelled by a Ctrl-C while it is started; the second one leaves that to the next call', async () => {
    const { code, stderr, cancellations } = await build('SIGINT');
    assert.equal(code, 130);
    assert.equal(cancellations, 1);
    assert.match(stderr, /Cancelling build [\s\S]*The next `imagefactory base_image --local` goes on/);
  });

  it('is left to the next call by SIGTERM while it is started', async () => {
    const { code, stderr, cancellations } = await build('SIGTERM');
    assert.equal(code, 143);
    assert.equal(cancellations, 0);
    assert.match(stderr, /Build \S+ of tiny\.tdl has started[\s\S]*The next `imagefactory base_image --local` goes on/);
  });

  it('says with which configuration and keys other commands reach it', async () => {
    const { stderr } = await build('SIGTERM');
    assert.ok(
      stderr.includes(
        `TEMPORAL_CONFIG_FILE=${path}/temporal.toml imagefactory --payload-keys ${path}/payload.keys status `,
      ),
      stderr,
    );
  });
});

describe('the port of the local server', () => {
  const fail = (code: string): Promise<number> => Promise.reject(Object.assign(new Error(`listen ${code}`), { code }));

  it('is free, and so is the port of its UI', async () => {
    const free = [64_900, 40_000, 42_000];
    const listen = async (wanted: number): Promise<number> => {
      if (wanted === 0) return free.shift() ?? 0;
      return wanted === 41_000 ? fail('EADDRINUSE') : wanted;
    };
    assert.equal(await findFreePort(listen), 42_000);
    assert.ok((await findFreePort()) > 0);
  });

  it('is not sought for ever: the error says why there is none', async () => {
    const none = { name: 'CommandError', message: /none is 1000 below another free one/, hint: /leave --local out/ };
    await assert.rejects(
      findFreePort(async (wanted) => wanted || 65_000),
      none,
    );
    await assert.rejects(
      findFreePort((wanted) => (wanted === 0 ? Promise.resolve(40_000) : fail('EADDRINUSE'))),
      none,
    );
    await assert.rejects(
      findFreePort(() => fail('EMFILE')),
      { name: 'CommandError', message: /listen EMFILE/ },
    );
  });
});
