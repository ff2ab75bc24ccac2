import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { checkPrivilege, removeKeyAndShutDown } from '../../../src/guest/access.js';
import { generateKeyPair } from '../../../src/guest/keys.js';
import { until } from '../../support/until.js';
import { GUEST_SERVERS, type GuestServer } from './guest-servers.js';

const asRoot = process.getuid?.() === 0;

const appears = (path: string): Promise<true> => until(() => existsSync(path), path);

for (const { name, open, skip } of GUEST_SERVERS) {
  describe(`access to a guest with ${name}`, { skip }, () => {
    let sshServer: GuestServer;
    before(async () => {
      sshServer = await open();
    });
    after(() => sshServer.close());

    it('is accepted when commands run as root', { skip: asRoot ? false : 'needs root' }, async () => {
      await checkPrivilege(await sshServer.connect(), '');
    });

    /** Writes a shell script that a test uses as command prefix. @returns its path */
    async function prefix(script: string): Promise<string> {
      const path = join(sshServer.directory, `prefix${Math.random()}`);
      await writeFile(path, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
      return path;
    }

    it('is refused with the reason and a hint, and not tried again', async () => {
      const refusals: [script: string, message: RegExp, hint: RegExp][] = [
        ['echo "sudo: a password is required" >&2; exit 1', /asks for a password: sudo: a password/, /NOPASSWD/],
        ['echo "user is not in the sudoers file." >&2; exit 1', /not permitted/, /sudoers\.d/],
        ['echo "sudo: sorry, you must have a tty to run sudo" >&2; exit 1', /requires a terminal/, /requiretty/],
        [
          `echo 'Please login as the user "debian" rather than the user "root".'; exit 142`,
          /does not allow this user to run commands/,
          /default_user/,
        ],
        ['echo 1000', /commands run as user 1000/, /command_prefix sudo/],
        ['exit 1', /did not run our command as root: exit status 1/, /command_prefix/],
      ];
      for (const [script, message, hint] of refusals) {
        const commandPrefix = await prefix(script);
        const guest = await sshServer.connect({ commandPrefix });
        await assert.rejects(
          checkPrivilege(guest, commandPrefix),
          (error: Error & { type?: string; retryable?: boolean; hint?: string }) => {
            assert.deepEqual([error.type, error.retryable], ['GuestLoginRefused', false]);
            assert.match(error.message, message);
            assert.match(error.hint ?? '', hint);
            return true;
          },
        );
      }
      const guest = await sshServer.connect({ commandPrefix: 'no-such-prefix' });
      await assert.rejects(checkPrivilege(guest, 'no-such-prefix'), {
        type: 'GuestLoginRefused',
        message: /the program in command_prefix is not in the guest/,
      });
    });

    it('ends: the key is removed from every home, and the guest powers off after the reply', async () => {
      const homes = ['root', 'debian', 'a user'].map((user) => join(sshServer.directory, 'home', user));
      const [root = '', debian = '', other = ''] = homes;
      for (const home of homes) await mkdir(join(home, '.ssh'), { recursive: true });
      const { publicKey } = generateKeyPair();
      const another = `${generateKeyPair().publicKey.replace(/ \S+$/, '')} somebody`;
      const blob = publicKey.split(' ')[1] ?? '';
      await writeFile(
        join(root, '.ssh/authorized_keys'),
        `no-port-forwarding,command="echo 'no'" ssh-ed25519 ${blob} Generated-by-Nova\n`,
      );
      await writeFile(join(debian, '.ssh/authorized_keys'), `# mine\n${another}\n${publicKey}\n`, { mode: 0o600 });
      await writeFile(join(debian, '.ssh/authorized_keys2'), `${publicKey}\n`);
      await writeFile(join(other, '.ssh/authorized_keys'), '');
      const traces = join(sshServer.directory, 'traces');
      await mkdir(traces);
      const guest = await sshServer.connect();
      await removeKeyAndShutDown(guest, publicKey, {
        homes: `printf '%s\\n' '${homes.join("' '")}' /nonexistent`,
        cleanUp: `false; echo >'${traces}/cleaned'`,
        cleanAtShutdown: `echo >'${traces}/late'; exit 1`,
        powerOff: `echo '${traces}'/* >'${traces}/off'`,
      });
      assert.ok(!existsSync(join(traces, 'off')), 'the guest powered off before the reply');
      assert.ok(!existsSync(join(root, '.ssh/authorized_keys')));
      assert.ok(!existsSync(join(debian, '.ssh/authorized_keys2')));
      assert.equal(await readFile(join(debian, '.ssh/authorized_keys'), 'utf8'), `# mine\n${another}\n`);
      assert.equal((await stat(join(debian, '.ssh/authorized_keys'))).mode & 0o777, 0o600);
      assert.ok(existsSync(join(other, '.ssh/authorized_keys')), 'a file that never had the key was removed');
      await appears(join(traces, 'off'));
      assert.match(await readFile(join(traces, 'off'), 'utf8'), /cleaned .*late/);
    });

    it('ends also when the connection is lost', async () => {
      const home = join(sshServer.directory, 'lost home');
      const off = join(sshServer.directory, 'lost off');
      const begun = join(sshServer.directory, 'lost begun');
      const { publicKey } = generateKeyPair();
      await mkdir(join(home, '.ssh'), { recursive: true });
      await writeFile(join(home, '.ssh/authorized_keys'), publicKey);
      const guest = await sshServer.connect();
      const ending = removeKeyAndShutDown(guest, publicKey, {
        homes: `echo '${home}'`,
        cleanUp: `echo >'${begun}'; until [ -e '${begun}.go' ]; do sleep 0.1; done`,
        powerOff: `echo >'${off}'`,
      });
      await appears(begun);
      sshServer.drop();
      await assert.rejects(ending, { type: 'GuestUnreachable', retryable: true });
      await writeFile(`${begun}.go`, '');
      await appears(off);
      assert.ok(!existsSync(join(home, '.ssh/authorized_keys')));
    });
  });
}
