import assert from 'node:assert/strict';
import { Writable } from 'node:stream';
import { test } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import type { ImageFactoryClient } from '../../../../src/client/connection.js';
import type { BuildProgress } from '../../../../src/client/follow.js';
import { createView } from '../../../../src/cli/view/live.js';
import { RecordingIo } from '../recording-io.js';

/** A terminal of a given size that stores what is written to it. */
class Terminal extends Writable {
  readonly isTTY = true;
  columns = 100;
  rows = 12;
  written = '';

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.written += chunk.toString();
    done();
  }

  /** Returns what was written since the last call. */
  take(): string {
    const { written } = this;
    this.written = '';
    return written;
  }
}

const client = {
  taskQueue: 'imagefactory',
  namespace: 'default',
  uiAddress: 'http://ui',
} as unknown as ImageFactoryClient;

function seenWith(steps: number): BuildProgress {
  const step = (index: number) => ({
    name: `s${index}`,
    phase: 'customise' as const,
    title: `step ${index}`,
    state: 'done' as const,
    startedAt: 0,
    endedAt: 1000,
  });
  return {
    uuid: 'u',
    workflowId: 'base_image-u',
    execution: 'RUNNING',
    activities: [],
    at: 5000,
    startedAt: 0,
    status: {
      uuid: 'u',
      type: 'base_image',
      status: 'BUILDING',
      phase: 'customise',
      percent: 50,
      name: 'f19',
      os: 'Fedora 19 x86_64',
      cloud: 'c',
      steps: Array.from({ length: steps }, (_, index) => step(index)),
      startedAt: 0,
      resources: {},
    },
  };
}

function viewOn(terminal: Terminal, env: NodeJS.ProcessEnv = {}) {
  const io = Object.assign(new RecordingIo(env), { terminal: terminal as unknown as NodeJS.WriteStream });
  return createView(io, { client, verbose: false });
}

test('on a terminal the view is redrawn in place, also when the terminal changes its size', () => {
  const terminal = new Terminal();
  const view = viewOn(terminal);
  view.show(seenWith(30));
  assert.ok(stripVTControlCharacters(terminal.take()).includes('lines above'));
  terminal.columns = 40;
  terminal.emit('resize');
  const lines = stripVTControlCharacters(terminal.take()).split('\n');
  assert.ok(lines.every((line) => [...line].length <= 40));
  view.close();
});

test('close draws the whole view once more, and a later resize draws nothing', () => {
  const terminal = new Terminal();
  const view = viewOn(terminal);
  view.show(seenWith(30));
  terminal.take();
  view.close();
  const text = stripVTControlCharacters(terminal.take());
  for (let index = 0; index < 30; index += 1) assert.match(text, new RegExp(`step ${index} `));
  assert.doesNotMatch(text, /Ctrl-C/);
  terminal.emit('resize');
  assert.equal(terminal.take(), '');
});

test('NO_COLOR is honoured', () => {
  for (const [env, coloured] of [
    [{}, true],
    [{ NO_COLOR: '1' }, false],
  ] as const) {
    const terminal = new Terminal();
    const view = viewOn(terminal, env);
    view.show(seenWith(1));
    view.close();

    assert.equal(/\u001b\[3\dm/.test(terminal.written), coloured);
  }
});
