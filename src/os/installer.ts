import { FactoryError } from '../build/errors.js';
import type { Template } from '../tdl/types.js';

/** Where an instance finds its user data: the metadata service's EC2 interface, which installers can read without more ado. */
export const USER_DATA_URL = 'http://169.254.169.254/latest/user-data';

/** Properties of a boot image that would make a snapshot boot the installer again. */
export const STRIPPED: readonly string[] = ['kernel_id', 'ramdisk_id', 'os_command_line'];

/** x86's COMMAND_LINE_SIZE less the final zero: the kernel silently cuts off what is longer. */
const LONGEST_COMMAND_LINE = 2047;

/** The address of a template's install tree, without a slash at its end. */
export function treeUrl({ os }: Template): string {
  if (os.install.type === 'url') return os.install.url.replace(/\/+$/, '');
  throw new FactoryError('UnsupportedOs', `${os.name} is installed from an install tree here, not from an ISO`, {
    hint: "write <install type='url'><url>…</url></install> with the address of the install tree",
  });
}

/** Words of a command line, those that are undefined left out. */
export function commandLineOf(words: (string | undefined)[]): string {
  const line = words.filter((word) => word !== undefined).join(' ');
  if (line.length > LONGEST_COMMAND_LINE) {
    throw new FactoryError(
      'InvalidTemplate',
      `the installer's kernel command line would have ${line.length} characters, a kernel takes ${LONGEST_COMMAND_LINE}`,
      { hint: 'shorten <kernelparam>' },
    );
  }
  return line;
}

/** What Glance's property `architecture` calls an architecture: Nova compares it with what a hypervisor can run. */
export function architectureProperty(arch: Template['os']['arch']): string {
  return arch === 'i386' ? 'i686' : arch;
}
