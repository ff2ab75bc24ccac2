import { lstat, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** A file of an image's disk. */
export interface DiskFile {
  /** Absolute path in the image. */
  path: string;
  size: number;
  /**
   * Time of the last change of the content, in milliseconds since 1970. Zero for a link: `debugfs` gives each link the
   * time at which it reads the link.
   */
  changed: number;
}

/** Lists the files and links of a disk whose root is in `root`. It follows no link. */
export async function listDiskFiles(root: string, folder = '/'): Promise<DiskFile[]> {
  const entries = await readdir(join(root, folder), { withFileTypes: true });
  const lists = await Promise.all(
    entries.map(async (entry): Promise<DiskFile[]> => {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) return listDiskFiles(root, path);
      const { size, mtimeMs } = await lstat(join(root, path));
      return [{ path, size, changed: entry.isSymbolicLink() ? 0 : mtimeMs }];
    }),
  );
  return lists.flat();
}

/** Lists which of the files contain one of the texts. */
export async function findTexts(root: string, files: readonly DiskFile[], texts: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  for (const { path } of files) {
    const content = await readFile(join(root, path)).catch(() => Buffer.alloc(0));
    for (const text of texts) if (content.includes(text)) found.push(`${path} contains ${text}`);
  }
  return found;
}

/** Files of a Debian that the build changes on purpose: those of its packages, its users and its template. */
const CHANGED_ON_PURPOSE = [
  /^\/etc\/(fstab|adjtime|timezone|localtime|resolv\.conf|ld\.so\.cache|machine-id|hostname|hosts|network\/interfaces)$/,
  /^\/etc\/(passwd|group|shadow|gshadow|subuid|subgid)-?$/,
  /^\/etc\/(motd|locale\.gen|console-setup\/.*|kernel-img\.conf|default\/.*|apt\/.*|alternatives\/.*|sudoers\.d\/.*|ssh\/sshd_config.*)$/,
  /^\/var\/lib\/(dpkg|apt|ucf|grub|initramfs-tools|systemd\/deb-systemd-helper-enabled|imagefactory-demo)(\/|$)/,
  /^\/var\/cache\/(debconf|ldconfig|apt)\//,
];

/** Folders and names that only a machine at work writes. No file of these is changed on purpose. */
const OF_MACHINE = [
  /^\/(tmp|var\/tmp|var\/log|var\/lib\/(systemd|cloud|dhcp|NetworkManager|dbus|urandom|imagefactory))\//,
  /^\/etc\/(hostname|hosts|mailname|machine-id|netplan\/.*|network\/.*|systemd\/network\/.*|udev\/rules\.d\/.*)$/,
  /\/(\.imagefactory\.|ssh_host_|authorized_keys|known_hosts|\.bash_history)/,
];

/** Whether only a machine at work writes the file. */
export function isOfMachine({ path }: DiskFile): boolean {
  return OF_MACHINE.some((pattern) => pattern.test(path));
}

/**
 * Lists the files that the machine of a build has left on the disk of a Debian: those that changed since `begun`, are
 * not empty, and are not changed on purpose; and, whenever they changed, random seeds, host keys and half files.
 */
export function listMachineFiles(files: readonly DiskFile[], begun: number): string[] {
  const left = files.filter(({ path, size, changed }) => {
    if (/random-seed$|\/ssh_host_|\/\.imagefactory\.|^\/var\/log\/journal\/./.test(path)) return true;
    return changed >= begun && size > 0 && !CHANGED_ON_PURPOSE.some((pattern) => pattern.test(path));
  });
  return left.map(({ path }) => path).sort();
}
