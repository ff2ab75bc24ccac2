import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { Context } from '@temporalio/activity';
import { MockActivityEnvironment } from '@temporalio/testing';
import { readLogs } from '../../../../src/activities/records/read-logs.js';
import { runScriptOnce } from '../../../../src/activities/guest/run-script-once.js';
import { setMasker, type Deps } from '../../../../src/activities/shared/context.js';
import { keepConsole, maskConsole } from '../../../../src/activities/shared/logs.js';
import { LOG_LIMIT, LOG_PAGE, type BuildLog } from '../../../../src/domain/build-log.js';
import { FactoryError } from '../../../../src/domain/errors.js';
import type { Guest, JournalOptions, JournalResult } from '../../../../src/guest/types.js';
import { createMasker } from '../../../../src/planning/masker.js';
import { FileStore } from '../../../../src/store/file-store.js';

const UUID = '4cc3b024-5fe7-4b0b-934b-c5d463b990b0';
const SECRET = 'Hunter-two2';
const DROPPED = '[imagefactory: earlier output dropped]\n';
const DONE: JournalResult = { exitCode: 0, interrupted: false, output: '', attached: false };

describe('the logs of a build', () => {
  let parent: string;
  let count = 0;
  before(async () => {
    parent = await mkdtemp(join(tmpdir(), 'logs-'));
  });
  after(() => rm(parent, { recursive: true }));

  /** Runs an activity's part that writes logs. Returns the logs, with their texts as a client reads them. */
  async function write(
    deps: Partial<Deps>,
    work: (deps: Deps) => Promise<unknown>,
  ): Promise<(BuildLog & { text: string })[]> {
    const store = new FileStore(join(parent, `store${count++}`));
    const all = { ...deps, store } as Deps;
    await new MockActivityEnvironment().run(async () => {
      setMasker(Context.current(), createMasker([SECRET]));
      await work(all);
    });
    const { logs } = await readLogs(all, { uuid: UUID });
    const found = [];
    for (const log of logs) {
      let text = '';
      for (let offset = 0; offset < log.size; offset = Buffer.byteLength(text))
        text += (await readLogs(all, { uuid: UUID, page: { name: log.name, offset } })).text;
      found.push({ ...log, text });
    }
    return found;
  }

  async function keepOutput(chunks: string[], end: JournalResult | Error = DONE): Promise<BuildLog & { text: string }> {
    const run = async (
      _guest: Guest,
      _key: string,
      _script: string,
      options: JournalOptions,
    ): Promise<JournalResult> => {
      for (const chunk of chunks) options.onOutput?.(chunk);
      if (end instanceof Error) throw end;
      return end;
    };
    const step = { uuid: UUID, key: 'command:1 x', title: 'x', script: 'x', timeout: 1, reruns: 0 };
    const [log] = await write({ journal: { run } }, (deps) =>
      runScriptOnce(deps, {} as Guest, step).catch((error: unknown) => assert.equal(error, end)),
    );
    return log ?? assert.fail('no log');
  }

  it('are read in pages of whole characters, as long as they are', async () => {
    const output = 'ä€𝄞x'.repeat(LOG_PAGE / 5);
    const { text, size, cut } = await keepOutput([output]);
    assert.ok(text === output);
    assert.deepEqual([size, cut], [Buffer.byteLength(output), false]);
  });

  it('keep only the end of an output that is too long, and say so', async () => {
    const { text, cut } = await keepOutput([`${SECRET}\n`, 'x'.repeat(LOG_LIMIT), '\nlast\n']);
    assert.equal(cut, true);
    assert.match(text, /^…x/);
    assert.ok(text.endsWith('xxx\nlast\n'));
  });

  it('mask the rest of a secret at the beginning of an output to which we attached, and say that it is cut', async () => {
    const begin = 'two2 was the password\n';
    const { text, cut } = await keepOutput([begin, 'y'.repeat(LOG_LIMIT - begin.length)], { ...DONE, attached: true });
    assert.ok(text.startsWith('…******** was the password\ny'), text.slice(0, 50));
    assert.equal(cut, true);
  });

  it('mask the rest of a secret beside the place where the guest dropped a part of the output', async () => {
    const { text, cut } = await keepOutput([`it is Hunter${DROPPED}`, 'two2 was it\n']);
    assert.deepEqual([text, cut], [`…it is ********…${DROPPED}…******** was it\n`, true]);
    // The kept end of the output may begin within the line of the guest.
    for (const from of [20, DROPPED.length - 1]) {
      const begin = `${DROPPED.slice(from)}two2 was it\n`;
      const { text: rest } = await keepOutput([begin, 'y'.repeat(LOG_LIMIT - begin.length)]);
      assert.ok(rest.startsWith(`…${DROPPED.slice(from)}…******** was it\ny`), rest.slice(0, 90));
    }
  });

  it('mask the beginning of a secret at the end of an output whose connection was lost', async () => {
    const lost = new FactoryError('GuestUnreachable', 'lost', { retryable: true });
    const { text, cut } = await keepOutput(['\nthe password is Hunter-t'], lost);
    assert.deepEqual([text, cut], ['\nthe password is ********', false]);
  });

  it('find a secret wherever the chunks of an output end', async () => {
    const output = `${'z'.repeat(100)}${SECRET}${'z'.repeat(100)}`;
    for (let at = 99; at < 113; at++) {
      const { text } = await keepOutput([output.slice(0, at), output.slice(at)]);
      assert.equal(text, `${'z'.repeat(100)}********${'z'.repeat(100)}`);
    }
  });

  it('say that a console is cut when Nova may have dropped its beginning, and mask the rest of a secret there', async () => {
    const kept = async (console: string): Promise<[text: string, cut: boolean]> => {
      const clouds = { get: () => ({ compute: { getConsoleOutput: async () => console } }) };
      const deps = { clouds } as unknown as Deps;
      const [log] = await write(deps, (all) => keepConsole(all, { uuid: UUID, cloud: 'c' }, 's'));
      return [log?.text.slice(0, 20) ?? '', log?.cut ?? false];
    };
    assert.deepEqual(await kept('two2 is it\n'), ['******** is it\n', false]);
    const limit = 100 * 1024;
    assert.deepEqual(await kept(`two2 is it\n${'x'.repeat(limit - 11)}`), ['…******** is it\nxxxx', true]);
    // Nova has replaced characters of up to four bytes.
    assert.deepEqual(await kept(`two2 is it\n${'?'.repeat(limit / 4)}`), ['…******** is it\n????', true]);
  });

  it('let the worker do other work while a long text is masked', async () => {
    let others = 0;
    await write({}, async () => {
      setMasker(Context.current(), createMasker([SECRET]));
      let ended = false;
      const count = (): void => {
        others++;
        if (!ended) setImmediate(count);
      };
      setImmediate(count);
      const text = await maskConsole(`${'x'.repeat(LOG_LIMIT)}${SECRET}`);
      ended = true;
      assert.ok(text.endsWith('xx********'));
    });
    assert.ok(others > 10, String(others));
  });
});
