/** The version of the kernel in a guest's disk, and the drivers that it has as modules. */
export const KERNEL_VERSION = '6.1.0-fake-amd64';
export const KERNEL_MODULES = ['ahci', 'e1000', 'ena', 'hv_netvsc', 'hv_storvsc', 'hv_vmbus', 'mptspi', 'nvme', 'sd_mod', 'virtio_blk', 'virtio_net', 'virtio_scsi', 'vmw_pvscsi', 'vmxnet3', 'xen-blkfront']; // prettier-ignore

/** The folders of the root file system of a freshly installed system, with their modes. */
export const BASE_FOLDERS: [string, number][] = [
  ...['usr', 'proc', 'sys', 'dev', 'run', 'boot', 'mnt', 'media', 'srv', 'opt', 'home', 'etc', 'etc/alternatives', 'etc/ssh', 'etc/ssh/sshd_config.d', 'etc/apt', 'etc/apt/sources.list.d', 'etc/apt/apt.conf.d', 'etc/apt/keyrings', 'etc/apt/trusted.gpg.d', 'boot/grub', 'etc/default', 'etc/default/grub.d', 'etc/initramfs-tools', 'etc/initramfs-tools/conf.d', 'etc/pam.d', 'etc/skel', 'etc/cloud', 'etc/cloud/cloud.cfg.d', 'etc/systemd', 'etc/systemd/system', 'etc/network', 'etc/yum.repos.d', 'etc/zypp', 'etc/zypp/repos.d', 'etc/profile.d', 'etc/cron.d', 'var', 'var/lib', 'var/lib/dpkg', 'var/lib/dpkg/info', 'var/lib/dpkg/updates', 'var/lib/dpkg/triggers', 'var/lib/dpkg/alternatives', 'var/lib/apt', 'var/lib/apt/lists', 'var/lib/apt/lists/partial', 'var/lib/cloud', 'var/lib/dhcp', 'var/lib/systemd', 'var/cache', 'var/cache/apt', 'var/cache/apt/archives', 'var/log', 'var/log/apt', 'var/spool', 'var/www'].map((name): [string, number] => [name, 0o755]),
  ['etc/sudoers.d', 0o750],
  ['root', 0o700],
  ['home/debian', 0o755],
  ['tmp', 0o1777],
  ['var/tmp', 0o1777],
]; // prettier-ignore

export const BASE_FILES: Record<string, { text: string; mode?: number }> = {
  'etc/passwd': {
    text: 'root:x:0:0:root:/root:/bin/sh\ndaemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\ndebian:x:1000:1000:Debian:/home/debian:/bin/sh\n',
  },
  'etc/group': { text: 'root:x:0:\ndaemon:x:1:\nadm:x:4:debian\nsudo:x:27:debian\nnogroup:x:65534:\ndebian:x:1000:\n' },
  'etc/shadow': {
    text: 'root:*:20000:0:99999:7:::\ndaemon:*:20000:0:99999:7:::\nnobody:*:20000:0:99999:7:::\ndebian:!:20000:0:99999:7:::\n',
    mode: 0o640,
  },
  'etc/gshadow': { text: 'root:*::\nsudo:*::debian\ndebian:!::\n', mode: 0o640 },
  'etc/hostname': { text: 'localhost\n' },
  'etc/hosts': { text: '127.0.0.1 localhost\n' },
  'etc/machine-id': { text: '', mode: 0o444 },
  'etc/nsswitch.conf': { text: 'passwd: files\ngroup: files\nshadow: files\nhosts: files\n' },
  'etc/os-release': {
    text: 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nNAME="Debian GNU/Linux"\nVERSION_ID="12"\nVERSION="12 (bookworm)"\nVERSION_CODENAME=bookworm\nID=debian\n',
  },
  [`boot/initrd.img-${KERNEL_VERSION}`]: { text: `usr/lib/modules/${KERNEL_VERSION}/virtio_blk.ko\n` },
  'boot/grub/grub.cfg': { text: `\tlinux /boot/vmlinuz-${KERNEL_VERSION} root=UUID=0000 ro quiet\n` },
  'etc/default/grub': { text: 'GRUB_CMDLINE_LINUX_DEFAULT=quiet\nGRUB_CMDLINE_LINUX=\n' },
  'etc/debian_version': { text: '12.0\n' },
  'etc/shells': { text: '/bin/sh\n/bin/bash\n' },
  'etc/profile': { text: '' },
  'etc/sudoers': { text: '@includedir /etc/sudoers.d\n', mode: 0o440 },
  'etc/pam.d/other': {
    text: ['auth', 'account', 'password', 'session'].map((type) => `${type} required pam_permit.so\n`).join(''),
  },
  'etc/ssh/sshd_config': { text: 'PermitRootLogin prohibit-password\n' },
  'etc/apt/sources.list': { text: 'deb http://deb.example.org/debian bookworm main\n' },
  'var/lib/dpkg/available': { text: '' },
  'var/lib/systemd/random-seed': { text: 'seed\n', mode: 0o600 },
  'var/log/dpkg.log': { text: 'installed\n' },
};

const INSTALLED = ['apt 2.6.1', 'base-files 12.4', 'bash 5.2.15-2', 'cloud-init 22.4.2-1', 'coreutils 9.1-1', 'dash 0.5.12-2', 'dpkg 1.21.22', 'libc6 2.36-9', 'linux-image-amd64 6.1.0', 'openssh-server 1:9.2p1-2', 'passwd 1:4.13', 'sudo 1.9.13p3-1', 'systemd 252.17-1', 'util-linux 2.38.1-5']; // prettier-ignore

/** The text of the database of dpkg. In a guest, the real dpkg-query reads it. */
export const BASE_PACKAGES = INSTALLED.map((entry) => {
  const [name, version] = entry.split(' ');
  return `Package: ${name}\nStatus: install ok installed\nPriority: important\nSection: base\nInstalled-Size: 100\nMaintainer: Nobody <nobody@example.org>\nArchitecture: amd64\nVersion: ${version}\nDescription: ${name} of a guest of the fake cloud\n`;
}).join('\n') + '\n'; // prettier-ignore
