import { tableOf } from './markdown-table.js';

/** Who has made which part of the installer. */
const PARTS: string[][] = [
  [
    'kernel, ramdisk, menu, DHCP, preseeding by user data, mirror check, component loading, exit and power-off',
    "Debian's, bit for bit, of `debian-installer-12-netboot-amd64`",
  ],
  [
    'hooks of the ramdisk: keyboard, locale, network, guest agent, late command, logs',
    "Debian's; components that stand in call them",
  ],
  ['debootstrap, apt-setup', "Debian's source, packed as components by hand"],
  [
    'user-setup, parted, e2fsprogs, kernel modules',
    "Debian's binary packages, repacked; what calls user-setup stands in",
  ],
  [
    'partitions; base system and kernel; `pkgsel/include`; GRUB; finish',
    '**stand-ins** for partman, base-installer, pkgsel, grub-installer and finish-install',
  ],
  ['what is installed, with its maintainer scripts', "Debian's signed archive"],
];

/** What was seen, in seconds. */
const STAGES: string[][] = [
  ['ramdisk: kernel, hardware, DHCP, preseed, mirror check, components loaded', '132', '190', '94'],
  ['partition: MBR, an ext4 root and swap', '10', '14', '4'],
  ['debootstrap: the base system', '752', '540', '240'],
  ['kernel: keyboard and network hooks, `linux-image-cloud-amd64` with its initramfs', '280', '312', '149'],
  ['users, apt-setup', '45', '130', 'not read'],
  ['pkgsel: `openssh-server cloud-init cloud-guest-utils sudo dbus`', '285', '629', '147'],
  ['grub', '74', '86', '32'],
  ['finish: guest agent, late command, logs; power-off', '69', 'not read', '22'],
  ['**the installer in all**', '**1652**', 'over 1907', '726, by Nova'],
  ['`make e2e-debian` in all: build, customisation, snapshots, an instance of the image', '1987', '2418', '900'],
  [
    'packages; MiB on the root file system; MiB in Glance (qcow2)',
    '253; 588; 1015',
    '252; 587; 1008',
    '252; 587; 1002',
  ],
];

/** The end of `docs/operating-systems.md`: what `make e2e-debian` was seen to do. The figures are those of real runs. */
export const PACKAGE_INSTALL_DOC = `## Debian, package by package

The demo's installer unpacks a prepared system. \`make e2e-debian\` has Debian 12's netboot kernel and ramdisk install package by package instead, with
[examples/debian-12-packages.preseed](../examples/debian-12-packages.preseed), by \`imagefactory base_image\` on the single-node cloud, and then looks into an instance of the image. It is no part of
\`make test\`. The installer's components come from \`UDEB_MIRROR\` (default \`../shared/udeb-mirror\`), because Debian's prebuilt ones cannot be had everywhere. So this is not the stock installer:

${tableOf(['part', 'whose'], PARTS)}

It proves that a preseed takes a real debian-installer unattended from the metadata service to the power-off, and how long packages take; it proves nothing about
partman's recipes, tasksel or grub-installer.

Two cores, no virtualisation, guest with 2 CPUs and 2 GiB, 2026-11-28, in seconds by the installer's own clock as its console has it. Other builds and tests ran on the same two cores
(load 5 to 10 in the first run, 5 to 20 in the second), nothing beside the third, which was the target as a new clone has it; a run in plain QEMU, with less beside it, had taken 1541 s. The first run had zstd among the base packages as well.

${tableOf(['stage', 'first run', 'second run', 'third run'], STAGES)}

The systems (kernel 6.1.0-50-cloud-amd64; the later two were asked, and are Debian 12.15) are in order: \`systemctl is-system-running\` says running, \`dpkg --audit\` nothing, cloud-init done. In Glance they are larger than their files
because the blocks of removed package files stay in the qcow2. The second run's console ends just before the last stage does: this cloud gives none of a machine that is off.

- **zstd spares nothing.** In an emulated guest \`zstd -9\` took 20 s to 40 s for the 53 MB that gzip, as mkinitramfs calls it, packs in 6 s to 9 s; the rest of the two minutes or more is the making of the initramfs
  itself. What spares them is that it is made once: with initramfs-tools in the base system (\`base-installer/includes\`) the kernel's package finds it there and triggers nothing else.
- **\`passwd/root-password-crypted password !\`** makes user-setup of Debian 12 ask for a password. \`*\` does what is meant.
- **Locale C without a country** makes the installer ask for the country; \`locales\` is installed anyhow, as cloud-init depends on it.
- **A question with choices fails the build at once:** its prompt is among the console lines that mean a failure.

With \`DEBIAN_MIRROR=http://mirror/debian\` everything is that mirror's own: kernel, ramdisk and components. The preseed lacks two lines then, those of the unsigned suite. Guests reach the mirror through the
worker's machine. Not run to the end so far: with a mirror that has the ramdisk and no components the build ended after 130 s with the installer's words, "failed to download a file from the mirror".
`;
