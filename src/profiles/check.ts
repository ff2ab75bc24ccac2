import type { GuestRequirements } from '../domain/prepared-image.js';

/** What a guest lacks for its target, and what the user can do. */
interface MissingPart {
  /** In words: "the initramfs of kernel 6.1.0-18-amd64 has no driver vmw_pvscsi". */
  what: string;
  /** The line that a template needs, or another advice. */
  advice: string;
}

/** The result of a check of a guest. */
export interface GuestFindings {
  missing: MissingPart[];
  /** Versions of the kernels that were checked. Empty when the guest has no kernel with an initramfs. */
  kernels: string[];
}

/**
 * Returns a script that prints what a guest has of the requirements, for {@link readFindings}: for each kernel with an
 * initramfs its drivers there, in the kernel itself and in its modules, and the arguments of each entry of the boot
 * loader. A rescue entry is left out, because it starts nothing by itself.
 */
export function renderCheckScript({ drivers, modules }: GuestRequirements): string {
  const names = [...drivers, ...modules].map(normalise);
  return `names='${names.join('|')}'
pick() {
  sed -n 's#.*/##; s#\\.ko\\(\\.[a-z0-9]*\\)*$##p' | tr - _ | grep -xE "$names" | sort -u | sed "s#^#$1 $version #"
}
for modules in /lib/modules/*; do
  version=\${modules##*/}
  initramfs=
  for file in "/boot/initrd.img-$version" "/boot/initramfs-$version.img" "/boot/initrd-$version"; do
    if [ -f "$file" ]; then initramfs=$file; fi
  done
  [ -n "$initramfs" ] || continue
  if command -v lsinitramfs >/dev/null 2>&1; then list=lsinitramfs
  elif command -v lsinitrd >/dev/null 2>&1; then list=lsinitrd
  else continue; fi
  echo "kernel $version $list"
  [ -n "$names" ] || continue
  "$list" "$initramfs" | pick initramfs
  cat "$modules/modules.builtin" 2>/dev/null | pick builtin
  find "$modules/" -name '*.ko*' 2>/dev/null | pick module
done
kernelopts=$(sed -n 's/^kernelopts=//p' /boot/grub2/grubenv 2>/dev/null)
for file in /boot/grub/grub.cfg /boot/grub2/grub.cfg /boot/efi/EFI/*/grub.cfg; do
  [ -f "$file" ] || continue
  grep -v rescue "$file" | sed -n 's/^[[:space:]]*linux[a-z0-9]*[[:space:]][[:space:]]*[^ ]*/arguments /p'
done
for file in /boot/loader/entries/*.conf; do
  case $file in *rescue*) continue ;; esac
  [ -f "$file" ] || continue
  sed -n 's/^options//p' "$file" | while read -r line; do
    case $line in *'$kernelopts'*) line="$line $kernelopts" ;; esac
    echo "arguments $line"
  done
done
true`;
}

/** Reads the output of {@link renderCheckScript}, and finds what the guest lacks. */
export function readFindings(output: string, requirements: GuestRequirements): GuestFindings {
  const lines = output.split('\n').map((line) => line.trim().split(/\s+/));
  const kernels = lines.flatMap(([kind, version, tool = '']) =>
    kind === 'kernel' && version !== undefined ? [{ version, tool }] : [],
  );
  const has = (version: string, name: string, kinds: readonly string[]): boolean =>
    lines.some(([kind = '', of, found]) => kinds.includes(kind) && of === version && found === normalise(name));
  const { drivers, modules, kernelArguments } = requirements;
  const missing = kernels.flatMap(({ version, tool }): MissingPart[] => [
    ...drivers
      .filter((name) => !has(version, name, ['initramfs', 'builtin']))
      .map((name) =>
        has(version, name, ['module']) ? describeInitramfs(version, name, tool) : describeKernel(version, name),
      ),
    ...modules
      .filter((name) => !has(version, name, ['module', 'builtin']))
      .map((name) => describeKernel(version, name)),
  ]);
  const entries = lines.flatMap(([kind, ...words]) => (kind === 'arguments' ? [words] : []));
  const lacking = kernelArguments.filter((argument) => entries.some((words) => !words.includes(argument)));
  return {
    kernels: kernels.map(({ version }) => version),
    missing: [...missing, ...lacking.map((argument) => describeArgument(argument))],
  };
}

function describeKernel(version: string, name: string): MissingPart {
  return { what: `kernel ${version} has no driver ${name}`, advice: KERNEL_WITH_DRIVERS };
}

function describeInitramfs(version: string, name: string, tool: string): MissingPart {
  const script =
    tool === 'lsinitramfs'
      ? `echo ${name} >>/etc/initramfs-tools/modules; update-initramfs -u -k all`
      : `dracut --force --regenerate-all --add-drivers ${name}`;
  return {
    what: `the initramfs of kernel ${version} has no driver ${name}`,
    advice: `<command name="initramfs">${script}</command>`,
  };
}

function describeArgument(argument: string): MissingPart {
  return {
    what: `the boot loader does not give the kernel ${argument}`,
    advice: `a command that adds ${argument} to the kernel’s arguments in the configuration of the boot loader`,
  };
}

/** What installs a kernel with all drivers, by the package managers whose systems have smaller kernels. */
const KERNEL_WITH_DRIVERS =
  '<package name="linux-image-amd64"/> on Debian, <package name="linux-generic"/> on Ubuntu, ' +
  '<package name="kernel-modules"/> on Red Hat’s systems and Fedora, <package name="kernel-default"/> on SUSE';

/** Drivers have the same name with `-` and with `_`. */
function normalise(name: string): string {
  return name.replaceAll('-', '_');
}
