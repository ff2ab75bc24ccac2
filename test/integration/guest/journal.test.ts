import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { GuestJournal } from '../../../src/guest/journal.js';
import { isAlive } from '../../support/alive.js';
import { until } from '../../support/until.js';
import { GUEST_SERVERS, type GuestServer } from './guest-servers.js';

async function textOf(path: string): Promise<string> {
  return readFile(path, 'utf8').catch(() => '');
}

for (const { name, open, skip } of GUEST_SERVERS) {
  describe(`the journal of a guest with ${name}`, { skip }, () => {
    let sshServer: GuestServer;
    let journal: GuestJournal;
    let count = 0;
    before(async () => {
      sshServer = await open();
      journal = new GuestJournal(join(sshServer.directory, 'journal'));
    });
    after(() => sshServer.close());

    /** Returns the path of a file of the step with this key. No file exists at that path before the step begins. */
    async function fileOf(key: string, name: string): Promise<string> {
      const folders = await readdir(join(sshServer.directory, 'journal')).catch(() => []);
      return join(sshServer.directory, 'journal', folders.find((entry) => entry.startsWith(`${key}-`)) ?? 'none', name);
    }
    const newKey = (): string => `step${count++}`;

    it('returns the exit status and the output of a script', async () => {
      const guest = await sshServer.connect();
      const chunks: string[] = [];
      const result = await journal.run(guest, newKey(), 'echo out; echo err >&2; exit 7', {
        timeout: 20,
        onOutput: (chunk) => chunks.push(chunk),
      });
      assert.deepEqual(result, { exitCode: 7, interrupted: false, output: 'out\nerr\n', attached: false });
      assert.equal(chunks.join(''), 'out\nerr\n');
    });

    it('runs a script with the interpreter that its first line names', async () => {
      const guest = await sshServer.connect();
      const result = await journal.run(guest, newKey(), '#!/bin/cat\nhello\n', { timeout: 20 });
      assert.equal(result.output, '#!/bin/cat\nhello\n');
    });

    it('runs a script with bash when it is asked to, and with sh otherwise', async () => {
      const guest = await sshServer.connect();
      const script = 'readlink -f "/proc/$$/exe"; [ -z "$BASH" ] || shopt -q login_shell || echo no login shell';
      const [inBash, inSh] = await Promise.all(
        [true, false].map((prefersBash) => journal.run(guest, newKey(), script, { timeout: 20, prefersBash })),
      );
      assert.match(inBash?.output ?? '', /bash\nno login shell\n$/);
      assert.equal(inSh?.output, (await journal.run(guest, newKey(), script, { timeout: 20 })).output);
      assert.doesNotMatch(inSh?.output ?? '', /\/bash\n/);
    });

    it('runs a script with the interpreter of its first line also when it is asked for bash', async () => {
      const guest = await sshServer.connect();
      const options = { timeout: 20, prefersBash: true };
      const result = await journal.run(guest, newKey(), '#!/bin/cat\nhello\n', options);
      assert.equal(result.output, '#!/bin/cat\nhello\n');
    });

    it('returns the result of a step that has ended, and does not run it again', async () => {
      const guest = await sshServer.connect();
      const key = newKey();
      const trace = join(sshServer.directory, key);
      const script = `echo ran >>${trace}; echo done; exit 3`;
      await journal.run(guest, key, script, { timeout: 20 });
      const again = await journal.run(await sshServer.connect(), key, script, { timeout: 20 });
      assert.deepEqual(again, { exitCode: 3, interrupted: false, output: 'done\n', attached: true });
      assert.equal(await textOf(trace), 'ran\n');
    });

    it('goes on while the connection is lost, and a new connection attaches to it', async () => {
      const key = newKey();
      const trace = join(sshServer.directory, key);
      const script = `echo ran >>${trace}; echo before; until [ -e ${trace}.go ]; do sleep 0.1; done; echo after; exit 5`;
      const lost = journal.run(await sshServer.connect(), key, script, { timeout: 60 });
      await until(async () => (await textOf(trace)) !== '', 'it has begun');
      sshServer.drop();
      await assert.rejects(lost, { type: 'GuestUnreachable', retryable: true });
      const attached = journal.run(await sshServer.connect(), key, script, { timeout: 60 });
      await writeFile(`${trace}.go`, '');
      assert.deepEqual(await attached, { exitCode: 5, interrupted: false, output: 'before\nafter\n', attached: true });
      assert.equal(await textOf(trace), 'ran\n');
    });

    it('runs a step once when several connections start it at the same time', async () => {
      const key = newKey();
      const trace = join(sshServer.directory, key);
      const script = `echo ran >>${trace}; sleep 0.3; exit 4`;
      const guests = await Promise.all([1, 2, 3, 4].map(() => sshServer.connect()));
      const results = await Promise.all(guests.map((guest) => journal.run(guest, key, script, { timeout: 30 })));
      assert.deepEqual(
        results.map(({ exitCode }) => exitCode),
        [4, 4, 4, 4],
      );
      assert.equal(results.filter(({ attached }) => !attached).length, 1);
      assert.equal(await textOf(trace), 'ran\n');
    });

    it('goes on when the call that follows it is aborted', async () => {
      const key = newKey();
      const trace = join(sshServer.directory, key);
      const stop = new AbortController();
      const script = `echo ran >>${trace}; until [ -e ${trace}.go ]; do sleep 0.1; done`;
      const followed = journal.run(await sshServer.connect(), key, script, { timeout: 60, signal: stop.signal });
      await until(async () => (await textOf(trace)) !== '', 'it has begun');
      stop.abort(new Error('enough'));
      await assert.rejects(followed, { message: 'enough' });
      await writeFile(`${trace}.go`, '');
      const result = await journal.run(await sshServer.connect(), key, script, { timeout: 60 });
      assert.deepEqual([result.exitCode, result.attached], [0, true]);
    });

    it('runs a failed step again in a new round, and a successful step in no later round', async () => {
      const guest = await sshServer.connect();
      const key = newKey();
      const trace = join(sshServer.directory, key);
      const script = `echo ran >>${trace}; [ "$(wc -l <${trace})" -ge 2 ]`;
      const rounds = [];
      for (const round of ['0', '0', 'a.1', 'b.1']) {
        const { exitCode, attached } = await journal.run(guest, key, script, { timeout: 20, round });
        rounds.push([exitCode, attached]);
      }
      assert.deepEqual(rounds, [
        [1, false],
        [1, true],
        [0, false],
        [0, true],
      ]);
      assert.equal(await textOf(trace), 'ran\nran\n');
    });

    it('attaches a new round to an earlier one that still runs', async () => {
      const key = newKey();
      const trace = join(sshServer.directory, key);
      const script = `echo ran >>${trace}; echo begun; until [ -e ${trace}.go ]; do sleep 0.1; done; exit 6`;
      const first = journal.run(await sshServer.connect(), key, script, { timeout: 60 });
      await until(async () => (await textOf(trace)) !== '', 'it has begun');
      let heard = '';
      const onOutput = (chunk: string): void => void (heard += chunk);
      const second = journal.run(await sshServer.connect(), key, script, { timeout: 60, round: 'later', onOutput });
      await until(() => heard === 'begun\n', 'its first line');
      await writeFile(`${trace}.go`, '');
      assert.deepEqual([(await first).exitCode, (await second).exitCode], [6, 6]);
      assert.equal((await second).attached, true);
      assert.equal(await textOf(trace), 'ran\n');
    });

    it('says that a step was interrupted when its process has ended without a status', async () => {
      const key = newKey();
      const guest = await sshServer.connect();
      const running = journal.run(guest, key, 'echo begun; exec sleep 300', { timeout: 60 });
      await until(async () => (await textOf(await fileOf(key, 'output'))) === 'begun\n', 'its first line');
      const pid = Number((await textOf(await fileOf(key, 'start'))).split(' ')[0]);
      process.kill(-pid, 'SIGKILL');
      assert.deepEqual(await running, { exitCode: null, interrupted: true, output: 'begun\n', attached: false });
      const again = await journal.run(guest, key, 'exit 0', { timeout: 60 });
      assert.deepEqual([again.interrupted, again.attached], [true, true]);
    });

    it('says that a step was interrupted when the guest has booted since', async () => {
      const key = newKey();
      const guest = await sshServer.connect();
      const running = journal.run(guest, key, 'exec sleep 300', { timeout: 60 });
      await until(async () => (await textOf(await fileOf(key, 'start'))) !== '', 'its start');
      const start = await fileOf(key, 'start');
      const fields = (await textOf(start)).trim().split(' ');
      const pid = Number(fields[0]);
      await writeFile(start, [fields[0], fields[1], 'another-boot', fields[3]].join(' ') + '\n');
      const again = await journal.run(await sshServer.connect(), key, 'exit 0', { timeout: 60 });
      assert.deepEqual([again.exitCode, again.interrupted], [null, true]);
      process.kill(-pid, 'SIGKILL');
      await running;
    });

    it('kills the whole tree of a step at its deadline, and says so to later attempts too', async () => {
      const key = newKey();
      const guest = await sshServer.connect();
      const pids = join(sshServer.directory, `${key}.pids`);
      const script = `echo $$ >>${pids}; sh -c 'echo $$ >>${pids}; sleep 300' & echo $! >>${pids}; echo waiting; wait`;
      const expected = { type: 'DeadlineExceeded', retryable: false, message: /did not end within 1 s[^]*waiting/ };
      await assert.rejects(journal.run(guest, key, script, { timeout: 1 }), expected);
      const started = (await textOf(pids)).trim().split('\n').map(Number);
      assert.ok(started.length >= 2);
      await until(() => !started.some(isAlive), 'all have gone');
      await assert.rejects(journal.run(guest, key, script, { timeout: 1 }), expected);
    });

    it('keeps the tail of a large output', async () => {
      const guest = await sshServer.connect();
      const result = await journal.run(guest, newKey(), 'seq 1 300000; echo last', { timeout: 60, maxOutput: 4096 });
      assert.equal(result.output.length, 4096);
      assert.ok(result.output.endsWith('300000\nlast\n'));
    });

    it('cuts down an output that would fill the disk, while the step goes on', async () => {
      const guest = await sshServer.connect();
      const key = newKey();
      const trace = join(sshServer.directory, key);
      const script = `seq 1 3000000; until [ -e ${trace} ]; do sleep 0.1; done; echo last`;
      const running = journal.run(guest, key, script, { timeout: 60, maxOutput: 4096 });
      // The script must not end before its output is cut, and the time of the cut depends on the machine. So the script
      // waits for a file, which we write after the cut.
      await until(
        async () => (await textOf(await fileOf(key, 'output'))).startsWith('[imagefactory: earlier output'),
        'the output is cut',
      );
      await writeFile(trace, '');
      const { exitCode, output } = await running;
      assert.equal(exitCode, 0);
      assert.ok(output.endsWith('\nlast\n'));
      assert.ok((await stat(await fileOf(key, 'output'))).size < 16 * 1024 * 1024);
    });

    it(
      'runs through sudo',
      { skip: existsSync('/usr/bin/sudo') && process.getuid?.() === 0 ? false : 'needs sudo and root' },
      async () => {
        const guest = await sshServer.connect({ commandPrefix: '/usr/bin/sudo' });
        const key = newKey();
        const script = 'echo "$HOME $(id -u)"; exit 2';
        const results = [
          await journal.run(guest, key, script, { timeout: 20 }),
          await journal.run(guest, key, script, { timeout: 20 }),
        ];
        assert.deepEqual(
          results.map(({ exitCode, output, attached }) => [exitCode, output, attached]),
          [
            [2, '/root 0\n', false],
            [2, '/root 0\n', true],
          ],
        );
      },
    );

    it('accepts a script of megabytes, and no command line contains any of it', async () => {
      const guest = await sshServer.connect();
      const key = newKey();
      const secret = 'correct-horse-battery';
      const trace = join(sshServer.directory, key);
      const script = `# ${secret}\n# ${'x'.repeat(3_000_000)}\nps >${trace}; cat /proc/[0-9]*/cmdline >>${trace} 2>/dev/null; exit 9\n`;
      const result = await journal.run(guest, key, script, { timeout: 60 });
      assert.equal(result.exitCode, 9);
      const seen = await textOf(trace);
      assert.ok(seen.includes('setsid') || seen.includes('runner'));
      assert.ok(!seen.includes(secret));
    });

    it('does not start a script that arrived only in part', async () => {
      const guest = await sshServer.connect();
      const key = newKey();
      const cut = {
        ...guest,
        run: guest.run.bind(guest),
        writeFile: guest.writeFile.bind(guest),
        close: guest.close.bind(guest),
      };
      cut.run = (command, options) =>
        guest.run(command, { ...options, input: (options?.input as Buffer).subarray(0, 10) });
      const script = `echo ran >${join(sshServer.directory, key)}; exit 0`;
      await assert.rejects(journal.run(cut, key, script, { timeout: 20 }), {
        type: 'GuestUnreachable',
        message: /only a part/,
      });
      const whole = await journal.run(guest, key, script, { timeout: 20 });
      assert.deepEqual([whole.exitCode, whole.attached], [0, false]);
    });

    it('makes its folders private, and runs scripts with the usual umask', async () => {
      const guest = await sshServer.connect();
      const result = await journal.run(guest, newKey(), `umask; ls -ld ${join(sshServer.directory, 'journal')}`, {
        timeout: 20,
      });
      assert.match(result.output, /^0?022\ndrwx------/);
    });

    it('returns the status of a step that removed the journal; removeJournal removes all of it', async () => {
      const own = new GuestJournal(join(sshServer.directory, 'own journal'));
      const guest = await sshServer.connect();
      const result = await own.run(
        guest,
        'clean',
        `${guest.shell.removeJournal(join(sshServer.directory, 'own journal'))}; exit 6`,
        { timeout: 20 },
      );
      assert.equal(result.exitCode, 6);
      const again = await own.run(guest, 'clean', 'exit 0', { timeout: 20 });
      assert.deepEqual([again.exitCode, again.attached], [6, true]);
      await guest.run(guest.shell.removeJournal(join(sshServer.directory, 'own journal')));
      await assert.rejects(readdir(join(sshServer.directory, 'own journal')), { code: 'ENOENT' });
    });

    it('does not wait for daemons that a step starts', async () => {
      await mkdir(join(sshServer.directory, 'daemon'), { recursive: true });
      const guest = await sshServer.connect();
      const result = await journal.run(guest, newKey(), 'sleep 60 & echo $!', { timeout: 20 });
      assert.equal(result.exitCode, 0);
      process.kill(Number(result.output), 'SIGKILL');
    });
  });
}
