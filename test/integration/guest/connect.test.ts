import assert from 'node:assert/strict';
import { readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { connectGuest } from '../../../src/guest/connect.js';
import { formatFingerprint, generateKeyPair } from '../../../src/guest/keys.js';
import type { Guest, RunResult } from '../../../src/guest/types.js';
import { GUEST_SERVERS, OLD_OPENSSH, startSsh2Server, type GuestServer } from './guest-servers.js';

/** Reads a stream to its end. Calls `onChunk` at each chunk. */
async function readStream(
  guest: Guest,
  script: string,
  onChunk?: () => void,
  stall = 30,
): Promise<{ bytes: Buffer; result: RunResult }> {
  const chunks: Buffer[] = [];
  const stream = guest.stream(script, { stall });
  for (;;) {
    const next = await stream.next();
    if (next.done === true) return { bytes: Buffer.concat(chunks), result: next.value };
    chunks.push(next.value);
    onChunk?.();
  }
}

for (const { name, open, skip } of GUEST_SERVERS) {
  describe(`a guest with ${name}`, { skip }, () => {
    let sshServer: GuestServer;
    before(async () => {
      sshServer = await open();
    });
    after(() => sshServer.close());

    it('runs a command and returns its exit status, output and error output', async () => {
      const guest = await sshServer.connect();
      const result = await guest.run(`echo "it's"; echo err >&2; exit 3`);
      assert.deepEqual(result, { exitCode: 3, stdout: "it's\n", stderr: 'err\n' });
    });

    it('says which signal ended a command', async () => {
      const guest = await sshServer.connect();
      const { exitCode, signal } = await guest.run('kill -KILL $$');
      // If a login shell waits for the command, it reports the signal as exit status 128 + 9.
      assert.ok((exitCode === null && signal === 'SIGKILL') || exitCode === 128 + 9, `${exitCode} ${signal}`);
    });

    it('passes megabytes of input to a command', async () => {
      const guest = await sshServer.connect();
      const { stdout } = await guest.run('wc -c', { input: Buffer.alloc(3_000_000, 'x'), timeout: 30 });
      assert.equal(Number(stdout), 3_000_000);
    });

    it('survives a command that does not read its input', async () => {
      const guest = await sshServer.connect();
      const { exitCode } = await guest.run('exit 5', { input: Buffer.alloc(100_000, 'x') });
      assert.equal(exitCode, 5);
    });

    it('passes output on as it arrives, and keeps the tail of each stream', async () => {
      const guest = await sshServer.connect();
      const seen = { stdout: 0, stderr: 0 };
      const result = await guest.run('seq 1 200000; seq 1 9 >&2', {
        maxOutput: 1000,
        timeout: 30,
        onOutput: (chunk, stream) => (seen[stream] += chunk.length),
      });
      assert.deepEqual(seen, { stdout: 1_288_895, stderr: 18 });
      assert.equal(result.stdout.length, 1000);
      assert.ok(result.stdout.endsWith('\n200000\n'));
    });

    it('streams the bytes of a command, and then says how the command has ended', async () => {
      const guest = await sshServer.connect({ commandPrefix: 'MARK=set' });
      const { bytes, result } = await readStream(guest, 'seq 1 300000; echo "$MARK" >&2; exit 4');
      assert.equal(bytes.length, 1_988_895);
      assert.ok(bytes.subarray(-7).equals(Buffer.from('300000\n')));
      assert.deepEqual(result, { exitCode: 4, stdout: '', stderr: 'set\n' });
    });

    it('ends a stream with an error when the connection is lost', async () => {
      const guest = await sshServer.connect();
      const read = readStream(guest, 'echo begun; sleep 60', () => sshServer.drop());
      await assert.rejects(read, { type: 'GuestUnreachable', retryable: true });
    });

    it('ends a stream with an error when the guest sends nothing more', async () => {
      const guest = await sshServer.connect();
      const read = readStream(guest, 'echo begun; sleep 60', undefined, 1);
      await assert.rejects(read, { type: 'DeadlineExceeded', message: /has sent nothing for 1 s/ });
      assert.equal((await guest.run('echo next')).stdout, 'next\n');
    });

    it('runs through the command prefix, or without it', async () => {
      const guest = await sshServer.connect({ commandPrefix: 'MARK=set' });
      assert.equal((await guest.run('echo $MARK')).stdout, 'set\n');
      assert.equal((await guest.run('echo $MARK', { privileged: false })).stdout, '\n');
    });

    it('gives up a command at its deadline', async () => {
      const guest = await sshServer.connect();
      await assert.rejects(guest.run('sleep 30', { timeout: 0.3 }), { type: 'DeadlineExceeded', retryable: true });
      assert.equal((await guest.run('echo still there')).stdout, 'still there\n');
    });

    it('stops waiting for a command when the signal aborts, and throws the signal’s reason', async () => {
      const guest = await sshServer.connect();
      const stop = new AbortController();
      const running = guest.run('echo begun; sleep 30', {
        signal: stop.signal,
        onOutput: () => stop.abort(new Error('enough')),
      });
      await assert.rejects(running, { message: 'enough' });
      await assert.rejects(guest.run('true', { signal: stop.signal }), { message: 'enough' });
    });

    it('fails when the connection is lost while a command runs, and so do all later commands', async () => {
      const guest = await sshServer.connect();
      const running = guest.run('echo begun; sleep 30', { onOutput: () => sshServer.drop() });
      await assert.rejects(running, { type: 'GuestUnreachable', retryable: true });
      await assert.rejects(guest.run('true'), { type: 'GuestUnreachable', retryable: true });
    });

    it('does not wait for daemons that keep the output open', async () => {
      const guest = await sshServer.connect();
      const { stdout } = await guest.run('sleep 60 & echo $!', { timeout: 30 });
      process.kill(Number(stdout), 'SIGKILL');
    });

    it('writes a whole file, creates its folders, and keeps the mode and the link of an existing file', async () => {
      const guest = await sshServer.connect();
      const path = join(sshServer.directory, "it's new", 'a b', 'file');
      await guest.writeFile(path, 'one\n');
      assert.equal((await stat(path)).mode & 0o777, 0o644);
      await guest.writeFile(path, Buffer.from([0, 255, 10]), { mode: 0o600 });
      assert.deepEqual([...(await readFile(path))], [0, 255, 10]);
      const link = join(sshServer.directory, 'link');
      await symlink(path, link);
      await guest.writeFile(link, 'x'.repeat(1_000_000));
      assert.equal((await stat(path)).size, 1_000_000);
      assert.equal((await stat(path)).mode & 0o777, 0o600);
    });

    it('says why it cannot write a file', async () => {
      const guest = await sshServer.connect();
      await assert.rejects(guest.writeFile(sshServer.directory, ''), {
        type: 'CommandFailed',
        message: /is a directory/,
      });
      await writeFile(join(sshServer.directory, 'plain'), '');
      await assert.rejects(guest.writeFile(join(sshServer.directory, 'plain', 'x'), ''), { type: 'CommandFailed' });
    });

    it('refuses a machine with another host key, and shows both fingerprints', async () => {
      const other = generateKeyPair().publicKey;
      const shown = formatFingerprint(sshServer.address.hostKeys[0] ?? '');
      await assert.rejects(sshServer.connect({ hostKeys: [other] }), (error: Error & { type?: string }) => {
        assert.equal(error.type, 'HostKeyMismatch');
        assert.ok(error.message.includes(shown) && error.message.includes(formatFingerprint(other)));
        return true;
      });
      await sshServer.connect({ hostKeys: [other, ...sshServer.address.hostKeys] });
    });

    it('names the user and the key that the guest refuses', async () => {
      const { privateKey, publicKey } = generateKeyPair();
      const refused = { type: 'GuestLoginRefused', retryable: true };
      await assert.rejects(sshServer.connect({ username: 'nobody-of-that-name' }), {
        ...refused,
        message: /user nobody-of-that-name/,
      });
      await assert.rejects(sshServer.connect({ privateKey }), (error: Error & { type?: string }) => {
        assert.equal(error.type, refused.type);
        return error.message.includes(formatFingerprint(publicKey)) && !error.message.includes('PRIVATE');
      });
    });
  });
}

describe('a guest with an OpenSSH older than 6.5', { skip: OLD_OPENSSH.skip }, () => {
  for (const kex of [
    'diffie-hellman-group-exchange-sha1',
    'diffie-hellman-group14-sha1',
    'diffie-hellman-group1-sha1',
  ]) {
    it(`accepts an RSA key with ${kex}, and is verified by its host key`, async () => {
      const sshServer = await OLD_OPENSSH.open(kex);
      try {
        const guest = await sshServer.connect({ oldSsh: true });
        assert.equal((await guest.run('echo there')).stdout, 'there\n');
        const hostKeys = [generateKeyPair().publicKey];
        await assert.rejects(sshServer.connect({ oldSsh: true, hostKeys }), { type: 'HostKeyMismatch' });
      } finally {
        await sshServer.close();
      }
    });
  }

  it('cannot be reached without oldSsh, and refuses an ed25519 key', async () => {
    const sshServer = await OLD_OPENSSH.open('diffie-hellman-group14-sha1');
    try {
      await assert.rejects(sshServer.connect(), { type: 'GuestUnreachable', message: /no matching key exchange/i });
      const { privateKey } = generateKeyPair();
      await assert.rejects(sshServer.connect({ oldSsh: true, privateKey }), { type: 'GuestLoginRefused' });
    } finally {
      await sshServer.close();
    }
  });
});

describe('a command whose status comes together with the server’s consent to run it', () => {
  it('has its status and output', async () => {
    const sshServer = await startSsh2Server((channel) => {
      channel.write('out\n');
      channel.exit(3);
      channel.end();
    });
    try {
      const guest = await sshServer.connect();
      assert.deepEqual(await guest.run('anything'), { exitCode: 3, stdout: 'out\n', stderr: '' });
    } finally {
      await sshServer.close();
    }
  });
});

describe('connectGuest', () => {
  const { privateKey } = generateKeyPair();
  const address = { host: '127.0.0.1', username: 'root', privateKey, hostKeys: [], commandPrefix: '' };

  async function withServer(
    onConnection: (socket: Socket) => void,
    work: (port: number) => Promise<void>,
  ): Promise<void> {
    const sockets: Socket[] = [];
    const server = createServer((socket) => {
      sockets.push(socket);
      socket.on('error', () => undefined);
      onConnection(socket);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    try {
      await work((server.address() as AddressInfo).port);
    } finally {
      sockets.forEach((socket) => socket.destroy());
      await new Promise((resolve) => server.close(resolve));
    }
  }

  it('says that no SSH server listens', async () => {
    let free = 0;
    await withServer(
      () => undefined,
      (port) => Promise.resolve(void (free = port)),
    );
    await assert.rejects(connectGuest({ ...address, port: free }, { timeout: 5 }), {
      type: 'GuestUnreachable',
      retryable: true,
      message: `cannot reach the guest at 127.0.0.1:${free}: connection refused (no SSH server listens there)`,
    });
  });

  it('says that the connection was closed or reset before the login', async () => {
    for (const end of [(socket: Socket) => socket.end(), (socket: Socket) => socket.resetAndDestroy()]) {
      await withServer(end, (port) =>
        assert.rejects(connectGuest({ ...address, port }, { timeout: 5 }), {
          type: 'GuestUnreachable',
          retryable: true,
        }),
      );
    }
  });

  it('fails when the server is not an SSH server', async () => {
    await withServer(
      (socket) => socket.write('HTTP/1.1 400 Bad Request\r\n\r\n'.repeat(100)),
      (port) =>
        assert.rejects(connectGuest({ ...address, port }, { timeout: 2 }), {
          type: 'GuestUnreachable',
          retryable: true,
        }),
    );
  });

  it('gives up when the server sends nothing', async () => {
    await withServer(
      () => undefined,
      (port) =>
        assert.rejects(connectGuest({ ...address, port }, { timeout: 0.2 }), {
          type: 'GuestUnreachable',
          message: /no SSH login within 0.2 s/,
        }),
    );
  });

  it('stops when the signal aborts, and throws the signal’s reason', async () => {
    const stop = new AbortController();
    await withServer(
      () => stop.abort(new Error('enough')),
      (port) =>
        assert.rejects(connectGuest({ ...address, port }, { timeout: 20, signal: stop.signal }), { message: 'enough' }),
    );
  });

  it('does not show a private key that it cannot read', async () => {
    await assert.rejects(connectGuest({ ...address, privateKey: 'garbage-secret' }, { timeout: 1 }), (error: Error) => {
      return !error.message.includes('secret') && error.message.includes('private key');
    });
  });
});
