import { quoteWords } from '../os/guest/guest-scripts.js';

/** Returns a script that adds drivers to the initramfs of each kernel, and makes it fit other machines too. */
export function renderInitramfsScript(drivers: readonly string[]): string {
  return `set -e
if [ -d /etc/initramfs-tools ]; then
  mkdir -p /etc/initramfs-tools/conf.d
  echo MODULES=most >/etc/initramfs-tools/conf.d/imagefactory-target
  for driver in ${quoteWords(drivers)}; do
    grep -qxF "$driver" /etc/initramfs-tools/modules 2>/dev/null || echo "$driver" >>/etc/initramfs-tools/modules
  done
  update-initramfs -u -k all
elif command -v dracut >/dev/null 2>&1; then
  printf '%s\\n' 'hostonly="no"' 'add_drivers+=" ${drivers.join(' ')} "' >/etc/dracut.conf.d/90-imagefactory-target.conf
  dracut --force --regenerate-all
fi`;
}

/** Returns a script that adds arguments to every kernel in the boot loader's configuration. */
export function renderKernelArgumentsScript(kernelArguments: readonly string[]): string {
  const added = kernelArguments.join(' ');
  return `set -e
if command -v grubby >/dev/null 2>&1; then
  grubby --update-kernel=ALL --args=${quoteWords([added])}
elif command -v update-grub >/dev/null 2>&1; then
  mkdir -p /etc/default/grub.d
  echo 'GRUB_CMDLINE_LINUX="$GRUB_CMDLINE_LINUX ${added}"' >/etc/default/grub.d/90-imagefactory-target.cfg
  update-grub
elif command -v grub2-mkconfig >/dev/null 2>&1; then
  echo 'GRUB_CMDLINE_LINUX_DEFAULT="$GRUB_CMDLINE_LINUX_DEFAULT ${added}"' >>/etc/default/grub
  grub2-mkconfig -o /boot/grub2/grub.cfg
fi`;
}
