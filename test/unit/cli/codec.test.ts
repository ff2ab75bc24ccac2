import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { describe, it } from 'node:test';
import { run } from '../../../src/cli/cli.js';
import { KEYS_VARIABLE, generateKeyLine } from '../../../src/codec/keys.js';
import { RecordingIo } from './recording-io.js';

describe('imagefactory codec', () => {
  const env = { [KEYS_VARIABLE]: generateKeyLine('k') };

  it('new-key prints a line of a key file and nothing else', async () => {
    const io = new RecordingIo();
    assert.equal(await run(['codec', 'new-key', '--id', 'may'], io), 0);
    assert.match(io.stdout, /^may:[A-Za-z0-9+/]{43}=\n$/);
    assert.equal(io.stderr, '');
  });

  it('serve answers the UI until Ctrl-C', async () => {
    const io = new RecordingIo({ ...env });
    const ended = run(['codec', 'serve', '--address', '127.0.0.1:0', '--ui', 'http://ui.example.org/'], io);
    await io.seen(/Ctrl-C/);
    const address = /http:\/\/127\.0\.0\.1:\d+/.exec(io.stderr)?.[0] ?? '';
    const headers = { origin: 'http://ui.example.org' };
    const response = await fetch(`${address}/decode`, { method: 'POST', headers, body: '{"payloads":[]}' });
    assert.deepEqual(await response.json(), { payloads: [] });
    io.interrupt();
    assert.equal(await ended, 0);
    await assert.rejects(fetch(address));
  });

  for (const [what, args, variables, says] of [
    ['keys', [], {}, /no payload keys are given/],
    [
      'a token beyond the loopback',
      ['--address', '0.0.0.0:0'],
      env,
      /every caller that can reach 0\.0\.0\.0\n.*IMAGEFACTORY_CODEC_TOKEN/,
    ],
    ['an address', ['--address', 'here'], env, /--address: "here" is not an address/],
    ['an origin', ['--ui', 'here'], env, /--ui: "here" is not an origin/],
    ['an origin in --ui-address', ['--ui-address', 'here'], env, /--ui-address: "here" is not an origin/],
    [
      'an origin in the environment',
      [],
      { ...env, TEMPORAL_UI_ADDRESS: 'here' },
      /TEMPORAL_UI_ADDRESS: "here" is not an origin/,
    ],
  ] as const) {
    it(`serve without ${what} is refused with exit code 2`, async () => {
      const io = new RecordingIo({ ...variables });
      assert.equal(await run(['codec', 'serve', ...args], io), 2);
      assert.match(io.stderr, says);
    });
  }

  it('serve at an address in use says so', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    const io = new RecordingIo({ ...env });
    assert.equal(await run(['codec', 'serve', '--address', `127.0.0.1:${port}`], io), 2);
    assert.match(io.stderr, /cannot listen on 127\.0\.0\.1:\d+ \(EADDRINUSE\)/);
    other.close();
  });
});
