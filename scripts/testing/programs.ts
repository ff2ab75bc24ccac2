import { join } from 'node:path';
import { CACHE, runProgram } from '../dev-cloud.js';

/** Programs that the tests need in addition to the npm packages, each with the Debian package that contains it. */
const PROGRAMS = [
  // The SSH server, and the shell that guests in the tests use.
  ['/usr/sbin/sshd', 'openssh-server'],
  ['/usr/bin/busybox', 'busybox'],
  // Tools that create boot disks and install media.
  ['/usr/bin/grub-mkimage', 'grub-common'],
  ['/usr/lib/grub/i386-pc/normal.mod', 'grub-pc-bin'],
  ['/usr/lib/grub/x86_64-efi/normal.mod', 'grub-efi-amd64-bin'],
  ['/usr/bin/mformat', 'mtools'],
  ['/usr/bin/xorriso', 'xorriso'],
  // Tools that convert disks and read their partition tables.
  ['/usr/bin/qemu-img', 'qemu-utils'],
  ['/usr/sbin/sfdisk', 'fdisk'],
] as const;

/**
 * Installs the missing programs with apt, if this process runs as root on Linux. Tests that need a program that is
 * still missing are skipped.
 */
export async function installPrograms(say: (line: string) => void): Promise<void> {
  const missing: string[] = [];
  for (const [program, name] of PROGRAMS) if ((await runProgram('test', ['-e', program])) !== 0) missing.push(name);
  if (missing.length === 0 || process.platform !== 'linux' || process.getuid?.() !== 0) return;
  say(`installing ${missing.join(', ')}`);
  const log = join(CACHE, 'log', 'apt.log');
  // With policy-rc.d, the script prevents the package from starting its server, because the tests start the server
  // themselves.
  const options = '-o DPkg::Lock::Timeout=600';
  const script = `set -e
    p=/usr/sbin/policy-rc.d
    if [ ! -e $p ]; then printf '#!/bin/sh\\nexit 101\\n' >$p; chmod 755 $p; trap 'rm -f $p' EXIT; fi
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq ${options}
    apt-get install -y -qq --no-install-recommends ${options} ${missing.join(' ')}`;
  if ((await runProgram('sh', ['-c', script], { log })) !== 0)
    say(`could not install ${missing.join(', ')}: see ${log}`);
}
