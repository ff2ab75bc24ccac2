import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { BootConsole, type BootFailure, type BootVerdict } from '../../../src/formats/boot/console.js';

/** Says a text in pieces of the given length, as an emulator does. */
function say(text: string, length = text.length): BootVerdict | undefined {
  const console = new BootConsole();
  for (let at = 0; at < text.length; at += length) {
    const verdict = console.add(text.slice(at, at + length));
    if (verdict !== undefined) return verdict;
  }
  return undefined;
}

const BOOTED: readonly [what: string, text: string][] = [
  ['a login prompt', '\r\nDebian GNU/Linux 12 localhost ttyS0\r\n\r\nlocalhost login: '],
  ['a login prompt with a message of the kernel behind it', 'localhost login: [   48.1] random: crng init done'],
  ['a prompt without a name', 'FreeBSD/amd64 (Amnesiac) (ttyu0)\r\n\r\nlogin: '],
  ['the target of systemd', '[\x1b[0;32m  OK  \x1b[0m] Reached target \x1b[0;1;39mMulti-User System\x1b[0m.\r\n'],
  ['the target of a newer systemd', '[  OK  ] Reached target multi-user.target - Multi-User System.'],
];

const FAILED: readonly [failure: BootFailure, text: string][] = [
  ['no-root', '[    2.1] Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block(0,0)\r\n'],
  ['no-root', 'ALERT!  UUID=ccae30ba-2857-41cb-9f6c-f99e80183f18 does not exist.  Dropping to a shell!\r\n'],
  ['no-root', '\r\nGenerating "/run/initramfs/rdsosreport.txt"\r\n\r\nEntering emergency mode. Exit the shell'],
  ['no-root', '\ndracut:/# '],
  ['no-root', 'You are now being dropped into an emergency shell.'],
  ['no-root', '\nmountroot> '],
  ['panic', '[    1.0] Kernel panic - not syncing: Fatal exception in interrupt\r\n'],
  ['emergency', 'You are in emergency mode. After logging in, type "journalctl -xb" to view'],
  ['boot-loader', 'error: no such device: ccae30ba.\r\nEntering rescue mode...\r\ngrub rescue> '],
  ['boot-loader', '\ngrub> '],
  ['firmware', 'Boot failed: not a bootable disk\r\n\r\nNo bootable device.\r\n'],
  ['firmware', 'BdsDxe: failed to load Boot0001 "UEFI Misc Device" from PciRoot(0x0): Not Found\r\n'],
];

describe('the console of a booted disk', () => {
  for (const [what, text] of BOOTED) {
    it(`tells by ${what} that the system has booted`, () => {
      assert.equal(say(text)?.booted, true);
      assert.equal(say(text, 7)?.booted, true);
    });
  }

  for (const [failure, text] of FAILED) {
    it(`tells a failure of kind ${failure} by ${JSON.stringify(text.trim().slice(0, 40))}`, () => {
      for (const length of [text.length, 5]) {
        const verdict = say(text, length);
        assert.equal(verdict?.booted === false && verdict.failure, failure);
      }
    });
  }

  it('quotes the line that says why', () => {
    const verdict = say('[    2.1] x\r\nALERT!  UUID=1 does not exist.  Dropping to a shell!\r\n(initramfs) ');
    assert.deepEqual(verdict, {
      booted: false,
      failure: 'no-root',
      line: 'ALERT!  UUID=1 does not exist.  Dropping to a shell!',
    });
  });

  it('is not misled by words that only look like a sign', () => {
    for (const text of [
      'Starting systemd-logind.service - User Login Management...\r\n',
      'Not activating Mandatory Access Control as /sbin/tomoyo-init does not exist.\r\n',
      'Starting emergency.service\r\n',
      "  Booting `Debian GNU/Linux'\r\nGRUB loading.\r\n",
    ]) {
      assert.equal(say(text), undefined, text);
    }
  });

  it('tells a machine that restarts again and again from one that restarts once', () => {
    const banner = 'SeaBIOS (version 1.16.2)\r\nBooting from Hard Disk...\r\n';
    assert.equal(say(banner.repeat(2)), undefined);
    assert.deepEqual(say(banner.repeat(5)), { booted: false, failure: 'restarts' });
  });

  it('tells a kernel without a serial console from one that hangs', () => {
    const mute = new BootConsole();
    mute.add('SeaBIOS (version 1.16.2)\r\nBooting from Hard Disk...\r\nGRUB loading.\r\n');
    assert.deepEqual(mute.judgeSilence(), { booted: false, failure: 'no-console' });
    mute.add('[    0.000000] Linux version 6.1.0-57-cloud-amd64\r\n');
    assert.deepEqual(mute.judgeSilence(), { booted: false, failure: 'silent' });
  });

  it('keeps the end of an endless console', () => {
    const console = new BootConsole();
    for (let i = 0; i < 30; i++) console.add('x'.repeat(50_000));
    assert.equal(console.cut, true);
    assert.equal(console.text.length, 1024 * 1024);
  });
});
