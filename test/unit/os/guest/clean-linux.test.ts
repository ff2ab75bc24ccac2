import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { resourceName } from '../../../../src/domain/names.js';
import { choosePowerButtonTime } from '../../../../src/activities/guest/shut-down-guest.js';
import { cleanLinux, cleanLinuxAtShutdown } from '../../../../src/os/guest/clean-linux.js';
import { FREEBSD_TOOLS } from '../../../../src/os/families/freebsd/guest.js';

const UUID = '11111111-2222-3333-4444-555555555555';
const NAME = resourceName({ uuid: UUID, workflowId: `base_image-${UUID}`, cloud: 'c' }, 'customise');

/** The beginning of a path in the folders that the scripts change. */
const ABSOLUTE = /(?<=^|[\s"'=(>])\/(?=(etc|var|tmp|root|proc|boot|efi|run|dev\/shm|entropy|firstboot)\b)/gm;

/**
 * The scripts of a guest name absolute paths. Here each path gets the folder of the test in front, so that the scripts
 * change nothing else.
 */
describe('a guest that is cleaned', () => {
  let root = '';
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'clean-'));
    for (const folder of [
      'etc/cloud/cloud.cfg.d',
      'var/log',
      'var/tmp',
      'tmp',
      'proc',
      'root',
      'bin',
      'run',
      'dev/shm',
    ]) {
      mkdirSync(join(root, folder), { recursive: true });
    }
    put('/proc/cmdline', 'quiet\n');
    put('/proc/self/comm', 'sh\n');
    // Programs that would change this machine, or name its users.
    for (const name of ['cloud-init', 'getent', 'sync', 'pkg', 'halt', 'systemctl'])
      put(`/bin/${name}`, '#!/bin/sh\n', 0o755);
    for (const name of ['mount', 'service']) put(`/bin/${name}`, '#!/bin/sh\nexit 1\n', 0o755);
  });
  afterEach(() => rmSync(root, { recursive: true }));

  function put(path: string, text: string, mode = 0o644): void {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text, { mode });
  }
  const read = (path: string): string => readFileSync(join(root, path), 'utf8');
  const has = (path: string): boolean => existsSync(join(root, path));

  /**
   * Runs a script that sees `root` as the root of the system. Fails before it runs when the script still names a folder
   * of this machine.
   */
  function run(build: (inRoot: (path: string) => string) => string): void {
    const text = build((path) => `@ROOT@${path}`).replace(ABSOLUTE, '@ROOT@/');
    const outside = /(?<=^|[\s"'=(>])\/(?!dev\/null\b|bin\/(true|sh)\b)[a-z]{2,}/gm;
    assert.deepEqual(text.match(outside) ?? [], []);
    const input = text.replaceAll('@ROOT@', root);
    const { status, stderr } = spawnSync('sh', ['-s'], { input, encoding: 'utf8', env: { PATH: `${root}/bin:/usr/bin:/bin` } }); // prettier-ignore
    assert.equal(status, 0, stderr);
  }

  /** Cleans twice, because the step may run again. */
  const cleanAll = (kept: string[] = []): void => {
    for (let times = 0; times < 2; times++) run((inRoot) => cleanLinux(kept.map(inRoot)));
  };

  it('loses the name of our instance, and keeps any other', () => {
    put('/etc/hostname', `${NAME}\n`);
    put('/etc/sysconfig/network', `NETWORKING=yes\nHOSTNAME="${NAME}.novalocal"\n`);
    put('/etc/hosts', `127.0.0.1 localhost\n127.0.1.1 ${NAME}.novalocal ${NAME}\n10.0.0.1 ${NAME} db\n`);
    cleanAll();
    assert.equal(read('/etc/hostname'), 'localhost\n');
    assert.equal(read('/etc/sysconfig/network'), 'NETWORKING=yes\nHOSTNAME="localhost"\n');
    assert.equal(read('/etc/hosts'), '127.0.0.1 localhost\n10.0.0.1 db\n');
    put('/etc/hostname', 'imagefactory-mirror\n');
    cleanAll();
    assert.equal(read('/etc/hostname'), 'imagefactory-mirror\n');
  });

  it('loses the network files that cloud-init has written, and keeps those of others', () => {
    put('/etc/netplan/50-cloud-init.yaml', 'network: {}\n');
    put('/etc/netplan/01-own.yaml', 'network: {}\n');
    put('/etc/systemd/network/10-cloud-init-ens3.network', '[Match]\n');
    put('/etc/sysconfig/network-scripts/ifcfg-eth0', '# Created by cloud-init automatically, do not edit.\n');
    put('/etc/sysconfig/network-scripts/ifcfg-eth1', 'HWADDR=fa:16:3e:00:00:01\nONBOOT=yes\n');
    cleanAll();
    assert(!has('/etc/netplan/50-cloud-init.yaml') && !has('/etc/systemd/network/10-cloud-init-ens3.network'));
    assert(has('/etc/netplan/01-own.yaml') && !has('/etc/sysconfig/network-scripts/ifcfg-eth0'));
    assert.equal(read('/etc/sysconfig/network-scripts/ifcfg-eth1'), 'ONBOOT=yes\n');
  });

  it('keeps the network files of cloud-init where cloud-init would not write them anew', () => {
    put('/etc/netplan/50-cloud-init.yaml', 'network: {}\n');
    put('/etc/cloud/cloud.cfg.d/99-off.cfg', 'network: {config: disabled}\n');
    cleanAll();
    assert(has('/etc/netplan/50-cloud-init.yaml'));
  });

  it('keeps every file of the template, wherever it is', () => {
    const kept = ['/etc/netplan/50-cloud-init.yaml', '/var/log/own.log', '/var/lib/dhcp/own.leases', '/etc/motd'];
    for (const path of kept) put(path, 'own\n');
    put('/var/log/other.log', 'old\n');
    cleanAll(kept);
    for (const path of kept) assert.equal(read(path), 'own\n');
    assert.equal(read('/var/log/other.log'), '');
  });

  it('loses what a lost connection has left beside a file of the template', () => {
    put('/etc/own/.imagefactory.Ab12Cd', 'half');
    put('/etc/own/.imagefactory', 'of somebody\n');
    cleanAll(['/etc/own/file']);
    assert(!has('/etc/own/.imagefactory.Ab12Cd') && has('/etc/own/.imagefactory'));
  });

  it('keeps the scripts that its author has given to cloud-init', () => {
    put('/bin/cloud-init', `#!/bin/sh\nrm -rf '${root}'/var/lib/cloud/*\n`, 0o755);
    put('/var/lib/cloud/scripts/per-boot/own', '#!/bin/sh\n');
    put('/var/lib/cloud/instance/obj.pkl', 'state');
    cleanAll();
    assert(has('/var/lib/cloud/scripts/per-boot/own') && !has('/var/lib/cloud/instance/obj.pkl'));
  });

  /** Takes from find what a find of long ago, or of BusyBox, does not have. */
  const haveOldFind = (): void =>
    put('/bin/find', '#!/bin/sh\ncase "$*" in *-delete*) exit 1 ;; esac\nexec /usr/bin/find "$@"\n', 0o755);
  /** The ways in which a guest is cleaned, and the places of its logs and temporary files. */
  const ways: Record<string, (kept: string[]) => void> = {
    'in the step': (kept) => cleanAll(kept),
    'at the shutdown': (kept) => run((inRoot) => cleanLinuxAtShutdown(kept.map(inRoot))),
    'of FreeBSD, in the step': (kept) => run((inRoot) => FREEBSD_TOOLS.cleanGuest(kept.map(inRoot)).script),
    'of FreeBSD, at the shutdown': (kept) => run((inRoot) => FREEBSD_TOOLS.cleanAtShutdown(kept.map(inRoot))),
  };
  for (const [way, clean] of Object.entries(ways)) {
    for (const find of ['a find that deletes', 'an old find']) {
      it(`loses no file that the name of another one has after a line break: ${way}, ${find}`, () => {
        if (find === 'an old find') haveOldFind();
        put('/etc/passwd', 'root:x:0:0::/root:/bin/sh\n');
        const traps = [
          `/tmp/x\n${root}/etc/passwd`,
          `/var/log/x\n${root}/etc/passwd`,
          `/var/log/x.gz\n${root}/etc/passwd`,
        ];
        for (const kept of [[], ['/var/tmp/own']]) {
          for (const path of [...traps, ...kept]) put(path, 'a trap');
          for (const path of traps) utimesSync(join(root, path), 1, 1);
          clean(kept);
          assert.equal(read('/etc/passwd'), 'root:x:0:0::/root:/bin/sh\n');
          assert(!has(traps[0] ?? ''));
          for (const path of kept) assert.equal(read(path), 'a trap');
        }
      });

      it(`removes many files by few processes: ${way}, ${find}`, () => {
        if (find === 'an old find') haveOldFind();
        for (const name of ['rm', 'rmdir']) put(`/bin/${name}`, `#!/bin/sh\necho >>'${root}/calls'\nexec /bin/${name} "$@"\n`, 0o755); // prettier-ignore
        for (const kept of [[], ['/tmp/own/100']]) {
          for (let number = 0; number < 200; number++) {
            put(`/tmp/own/${number}`, '');
            utimesSync(join(root, `/tmp/own/${number}`), 1, 1);
          }
          clean(kept);
          const left = existsSync(join(root, 'tmp/own')) ? readdirSync(join(root, 'tmp/own')) : [];
          assert.deepEqual(left, kept.length === 0 ? [] : ['100']);
        }
        assert(read('/calls').length < 40, `${read('/calls').length} processes`);
      });
    }
  }

  it('loses young temporary files in the step, unless a package manager is at work', () => {
    put('/proc/123/comm', 'dracut\n');
    put('/var/tmp/young', '');
    put('/var/tmp/old', '');
    utimesSync(join(root, 'var/tmp/old'), 1, 1);
    cleanAll();
    assert(has('/var/tmp/young') && !has('/var/tmp/old'));
    put('/proc/123/comm', 'sshd\n');
    cleanAll();
    assert(!has('/var/tmp/young'));
  });

  it('keeps the files of a template that has thousands of them', () => {
    const kept = Array.from({ length: 4000 }, (_, number) => `/var/tmp/a rather long path of the template/${number}`);
    const stays = kept.at(-1) ?? '';
    put(stays, 'own');
    put('/var/tmp/other', '');
    for (const clean of Object.values(ways)) clean(kept);
    assert.equal(read(stays), 'own');
    assert(!has('/var/tmp/other'));
  });

  it('has its identity removed, and on the disk, before the many temporary files, whose removal has a limit', () => {
    put('/etc/machine-id', '0123\n');
    put('/tmp/a', '');
    put(
      '/bin/sync',
      `#!/bin/sh\necho "$(cat '${root}/etc/machine-id')$(ls '${root}/tmp')" >>'${root}/synced'\n`,
      0o755,
    );
    put('/bin/timeout', `#!/bin/sh\necho "$*" >>'${root}/limits'\nshift\nexec "$@"\n`, 0o755);
    run(() => cleanLinuxAtShutdown([]));
    assert.equal(read('/synced'), 'a\n\n');
    assert.match(read('/limits'), /^60 find /m);
  });

  it('writes to the disk what is done when systemd ends the clean-up', () => {
    mkdirSync(join(root, 'run/systemd/system'), { recursive: true });
    run(() => cleanLinuxAtShutdown([]));
    // A clean-up of temporary files that is cut short.
    put('/bin/timeout', `#!/bin/sh\n[ "$1" = 1 ] || { echo cut >>'${root}/calls'; kill -TERM "$PPID"; }\n`, 0o755);
    put('/bin/sync', `#!/bin/sh\necho sync >>'${root}/calls'\n`, 0o755);
    const env = { PATH: `${root}/bin:/usr/bin:/bin` };
    assert.equal(spawnSync('sh', [join(root, 'run/imagefactory-clean/script')], { env }).status, 1);
    assert.equal(read('/calls'), 'sync\ncut\nsync\n');
    assert.deepEqual(readdirSync(join(root, 'run')).sort(), ['imagefactory-clean', 'systemd']);
  });

  it('has cleaned itself, or systemd has ended that, before the power button can be pressed', () => {
    mkdirSync(join(root, 'run/systemd/system'), { recursive: true });
    run(() => cleanLinuxAtShutdown([]));
    const [, limit] = /^TimeoutSec=(\d+)$/m.exec(read('/run/systemd/system/imagefactory-clean.service')) ?? [];
    assert(Number(limit) > 60, 'the removal of the temporary files has 60 s');
    for (const wait of [60, 300, 86_400]) {
      const pressed = choosePowerButtonTime(1_000_000, 1_000_000 + wait * 1000) - 1_000_000;
      assert(pressed > Number(limit) * 1000, `${wait}: ${pressed}`);
    }
  });

  it('loses at the shutdown what was written since, when nobody uses /tmp any more', () => {
    const written = [
      '/var/lib/systemd/random-seed',
      '/var/log/journal/0123/system.journal',
      '/tmp/a/new',
      '/var/tmp/b',
    ];
    for (const path of written) put(path, 'new\n');
    put('/var/tmp/own/file', 'own\n');
    put('/var/log/wtmp', 'a login');
    put('/etc/resolv.conf', '# Generated by NetworkManager\nnameserver 10.0.0.2\n');
    run((inRoot) => cleanLinuxAtShutdown([inRoot('/var/tmp/own/file')]));
    for (const path of [...written, '/tmp/a']) assert(!has(path), path);
    assert.equal(read('/var/tmp/own/file'), 'own\n');
    assert.equal(read('/var/log/wtmp'), '');
    assert.equal(read('/etc/resolv.conf'), '');
  });

  it('cleans with systemd only when all services have stopped, and keeps the journal in memory until then', () => {
    mkdirSync(join(root, 'run/systemd/system'), { recursive: true });
    put('/bin/systemctl', `#!/bin/sh\necho "$*" >>'${root}/calls'\necho 'systemd 252 (252.39)'\n`, 0o755);
    put('/bin/mount', `#!/bin/sh\necho "mount $*" >>'${root}/calls'\n`, 0o755);
    put('/var/tmp/a', 'old');
    run(() => cleanLinuxAtShutdown([]));
    const calls = [
      '--version',
      'restart systemd-journald.service',
      'daemon-reload',
      'start imagefactory-clean.service',
    ];
    assert.deepEqual(read('/calls').trim().split('\n'), calls);
    assert.match(read('/run/systemd/journald.conf.d/zz-imagefactory.conf'), /^Storage=volatile$/m);
    const unit = read('/run/systemd/system/imagefactory-clean.service');
    assert.match(unit, /^Before=.* systemd-random-seed\.service systemd-update-utmp\.service/m);
    assert(has('/var/tmp/a'), 'it cleaned too early');
    const [, script = ''] = /^ExecStop=\/bin\/sh (\S+)$/m.exec(unit) ?? [];
    assert.equal(spawnSync('sh', [script]).status, 0);
    assert(!has('/var/tmp/a'));
  });

  it('has a journal before version 218 that reads its settings from one file only: a mount replaces it', () => {
    mkdirSync(join(root, 'run/systemd/system'), { recursive: true });
    put('/bin/systemctl', '#!/bin/sh\necho "systemd 208"\n', 0o755);
    put('/bin/mount', `#!/bin/sh\necho "$*" >>'${root}/calls'\n`, 0o755);
    run(() => cleanLinuxAtShutdown([]));
    assert.match(read('/calls'), /^--bind \S+\/journald\.conf \S+\/etc\/systemd\/journald\.conf$/m);
  });

  it('loses the random seed that FreeBSD’s services save when they stop', () => {
    put('/bin/uname', '#!/bin/sh\necho FreeBSD\n', 0o755);
    put('/bin/halt', `#!/bin/sh\nls '${root}' >'${root}/left'\n`, 0o755);
    put('/etc/rc.shutdown', `echo seed >'${root}/entropy'; echo stop >>'${root}/var/log/messages'\n`);
    run(() => FREEBSD_TOOLS.cleanAtShutdown([]));
    assert.doesNotMatch(read('/left'), /entropy/);
    assert.equal(read('/var/log/messages'), '');
  });
});
