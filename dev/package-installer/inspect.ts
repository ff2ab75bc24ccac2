import assert from 'node:assert/strict';
import type { Cloud } from '../../src/openstack/types.js';
import { withInstance } from '../instance.js';

export interface InspectOptions {
  flavor: string;
  user: string;
  say: (line: string) => void;
}

/**
 * Boots an instance of the image. Checks that the system runs without errors, and that it contains the results of the
 * template and preseed `examples/debian-12-packages.*`.
 *
 * @returns lines of text about the system
 * @throws AssertionError when a check fails
 */
export async function inspect(cloud: Cloud, imageId: string, options: InspectOptions): Promise<string[]> {
  return withInstance(cloud, { imageId, commandPrefix: 'sudo', ...options }, async (guest) => {
    const said = async (command: string): Promise<string> => (await guest.run(command)).stdout.trim();
    assert.equal(await said('cloud-init status --wait | tail -n 1'), 'status: done');
    const failed = await said('systemctl --failed --no-legend --plain');
    assert.equal(await said('systemctl is-system-running --wait'), 'running', failed);
    assert.equal(await said('dpkg --audit'), '');
    assert.equal(await said('hello'), 'Hello, world!');
    assert.equal(await said('cat /etc/motd'), 'Hello, world!');
    assert.equal(await said(`wc -l < /home/${options.user}/.ssh/authorized_keys`), '1');
    return [
      `Debian ${await said('cat /etc/debian_version')}, kernel ${await said('uname -r')}`,
      `root file system: ${await said('df -BM --output=used / | tail -n 1')} used of ${await said('df -BM --output=size / | tail -n 1')}`,
      `initramfs: ${await said('ls -sh /boot/initrd.img-*')}`,
    ];
  });
}
