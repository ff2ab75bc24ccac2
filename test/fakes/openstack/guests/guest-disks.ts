import { execFile } from 'node:child_process';
import { chmod, copyFile, cp, mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { runOutside } from './spawner.js';
import { BASE_FILES, BASE_FOLDERS, BASE_PACKAGES, KERNEL_MODULES, KERNEL_VERSION } from './base-system.js';

const run = promisify(execFile);
const TOOLS = fileURLToPath(new URL('tools', import.meta.url));

/** The disks of guests and images: folders with the files of a guest. The programs of a guest are those of the host. */
export class GuestDisks {
  readonly tools: string;
  private base: Promise<string> | undefined;
  private count = 0;

  /** @param directory a folder that only root may enter, because the tools in it include a shell with setuid root */
  constructor(private readonly directory: string) {
    this.tools = join(directory, 'tools');
  }

  /**
   * Copies the disk in the folder `from`. Default: the disk of a freshly installed system. @returns the folder of the
   * copy
   */
  async copy(from?: string): Promise<string> {
    const source = from ?? (await this.findBaseSystem());
    const target = join(this.directory, `disk-${++this.count}`);
    await mkdir(target);
    // `-a` keeps owners, modes, times and links. The overlay's work folder must start empty.
    await runOutside('cp', ['-a', join(source, 'root'), join(source, 'usr'), target]);
    await mkdir(join(target, 'work'));
    return target;
  }

  async remove(disk: string): Promise<void> {
    await rm(disk, { recursive: true, force: true, maxRetries: 3 });
  }

  private findBaseSystem(): Promise<string> {
    this.base ??= this.createBaseSystem();
    return this.base;
  }

  private async createBaseSystem(): Promise<string> {
    await this.installTools();
    const disk = join(this.directory, 'base');
    const root = join(disk, 'root');
    await mkdir(join(disk, 'usr'), { recursive: true });
    for (const [folder, mode] of BASE_FOLDERS) {
      await mkdir(join(root, folder), { recursive: true });
      await chmod(join(root, folder), mode);
    }
    for (const [file, { text, mode }] of Object.entries(BASE_FILES)) {
      await writeFile(join(root, file), text);
      await chmod(join(root, file), mode ?? 0o644);
    }
    await writeFile(join(root, 'var/lib/dpkg/status'), BASE_PACKAGES);
    for (const file of ['etc/ld.so.cache', 'etc/login.defs'])
      await copyFile(`/${file}`, join(root, file)).catch(() => undefined);
    await run('chown', ['-R', '1000:1000', join(root, 'home/debian')]);
    return disk;
  }

  private async installTools(): Promise<void> {
    const bin = join(this.tools, 'usr/bin');
    await mkdir(bin, { recursive: true });
    await cp(TOOLS, bin, { recursive: true });
    await run('sh', [
      '-c',
      'cd "$1" && chmod 755 * && mkdir -p ../lib/fake-guest && cp "$(readlink -f /bin/sh)" ../lib/fake-guest/rootsh && chmod 4755 ../lib/fake-guest/rootsh',
      'sh',
      bin,
    ]);
    const links = { apt: 'apt-get', poweroff: 'shutdown', halt: 'shutdown', reboot: 'shutdown', yum: 'dnf', journalctl: 'ok', 'urpmi.update': 'ok', 'urpmi.addmedia': 'ok', 'urpmi.removemedia': 'ok', hostnamectl: 'ok', fstrim: 'ok', udevadm: 'ok' }; // prettier-ignore
    await run(
      'sh',
      [
        '-c',
        Object.entries(links)
          .map(([name, target]) => `ln -sf ${target} ${name}`)
          .join('\n'),
      ],
      { cwd: bin },
    );
    const modules = join(this.tools, 'usr/lib/modules', KERNEL_VERSION);
    await mkdir(modules, { recursive: true });
    for (const name of KERNEL_MODULES) await writeFile(join(modules, `${name}.ko`), '');
    await writeFile(join(modules, 'modules.builtin'), 'kernel/fs/ext4/ext4.ko\n');
    // Our programs must also be in sbin, because root's PATH has sbin before bin and would find the host's programs.
    await run(
      'sh',
      [
        '-c',
        'mkdir -p ../sbin && for f in shutdown poweroff halt reboot update-grub update-initramfs fstrim; do ln -sf "../bin/$f" "../sbin/$f"; done',
      ],
      { cwd: bin },
    );
  }
}
