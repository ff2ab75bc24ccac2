/** The targets that the end-to-end test makes in one command, each with words of its record's `verified_by`. */
export const TARGETS: Readonly<Record<string, RegExp>> = {
  qcow2: /^qemu-img compare with the source, qemu-img check$/,
  raw: /^qemu-img compare with the source$/,
  vmdk: /^qemu-img compare with the source, qemu-img check$/,
  vhd: /^qemu-img compare with the source, own reader of the VHD footer$/,
  ova: /^qemu-img compare of the disk in the archive with the source/,
  gce: /^disk\.raw in the archive compared with the source byte by byte$/,
  'vagrant-libvirt': /^qemu-img compare with the source, qemu-img check, the packed files compared/,
};
