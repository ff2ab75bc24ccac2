import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { buildSshArguments } from '../../../src/cli/commands/ssh.js';

const skip = spawnSync('ssh', ['-V']).error !== undefined && 'ssh is not installed';

describe('the arguments of ssh', () => {
  it('name user, host and command', () => {
    const args = buildSshArguments('/f', { host: '192.0.2.1', user: 'debian' }, ['journalctl', '-b']);
    assert.deepEqual(args.slice(-6), ['-l', 'debian', '--', '192.0.2.1', 'journalctl', '-b']);
    assert.ok(args.includes('IdentityFile=/f/key') && args.includes('UserKnownHostsFile=/f/known_hosts'));
    assert.ok(!args.join(' ').includes('ssh-rsa'));
    assert.ok(
      buildSshArguments('/f', { host: 'h', user: 'u', oldSsh: true }, []).includes('HostKeyAlgorithms=+ssh-rsa'),
    );
  });

  it('let no user and no host run a command on the machine of the caller', { skip }, async () => {
    const folder = await mkdtemp(join(tmpdir(), 'imagefactory-ssh-arguments-'));
    const marker = join(folder, 'marker');
    const option = `-oProxyCommand=touch ${marker};`;
    try {
      for (const login of [
        { user: option, host: '127.0.0.1' },
        { user: 'debian', host: option },
      ]) {
        // With `user@host`, ssh took the first word of the command for the host.
        const args = buildSshArguments(folder, login, ['-p', '9', 'host', 'true']);
        const { status } = spawnSync('ssh', args, { stdio: 'ignore' });
        assert.notEqual(status, 0);
        assert.ok(!existsSync(marker), `ssh ${args.join(' ')}`);
      }
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
