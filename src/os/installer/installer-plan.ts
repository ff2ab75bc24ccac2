import { FactoryError } from '../../domain/errors.js';
import type { Install, Template } from '../../tdl/types.js';
import { architectureProperty } from '../common/architectures.js';
import { type InstallScriptKind, SCRIPT_KINDS } from '../scripts/kinds/registry.js';
import type { InstallerPlan, IsoLayout } from './types.js';

/** Properties of a boot image that would make a snapshot boot the installer again. */
export const STRIPPED_PROPERTIES: readonly string[] = ['kernel_id', 'ramdisk_id', 'os_command_line'];

/**
 * Placeholder in a command line for the volume id of the medium, which is known only after the medium has been fetched.
 */
export const VOLUME_ID = '{volume-id}';

/** The members of a plan that locate kernel and ramdisk. */
export type InstallerSource = Pick<InstallerPlan, 'kernel' | 'ramdisk' | 'indexes' | 'medium'>;

/** x86's COMMAND_LINE_SIZE less the final zero: the kernel silently cuts off what is longer. */
const LONGEST_COMMAND_LINE = 2047;

/** The URL of a template's install tree, without a slash at its end. */
export function getTreeUrl({ os }: Template): string {
  if (os.install.type === 'url') return os.install.url.replace(/\/+$/, '');
  throw new FactoryError('Internal', `${os.name} is installed from a medium: there is no tree`);
}

/** The schemes of the install trees that installers with such a script can be installed from. */
function listTreeSchemes(scriptKind: InstallScriptKind): string[] {
  return ['http:', 'https:', 'ftp:', ...(SCRIPT_KINDS[scriptKind].otherTreeSchemes ?? [])];
}

/** Whether an installer with such a script can be fetched from the URL of an install tree. */
export function isTreeAddress(url: string, scriptKind: InstallScriptKind): boolean {
  return URL.canParse(url) && listTreeSchemes(scriptKind).includes(new URL(url).protocol);
}

/**
 * Checks that a build can fetch from the template's install tree. @throws FactoryError InvalidTemplate where it cannot
 */
export function checkTree({ os }: Template, scriptKind: InstallScriptKind): void {
  if (os.install.type !== 'url' || isTreeAddress(os.install.url, scriptKind)) return;
  const known = listTreeSchemes(scriptKind).map((scheme) => `${scheme}//…`);
  throw new FactoryError('InvalidTemplate', `<url> is not an address that ${os.name} can be installed from`, {
    hint: `write the address of an install tree (${known.join(', ')}), which the instance reaches as well`,
  });
}

/** The medium of a template that is installed from an ISO. */
export function getIso({ os }: Template): Extract<Install, { type: 'iso' }> {
  if (os.install.type === 'iso') return os.install;
  throw new FactoryError('Internal', `${os.name} is installed from a tree: there is no medium`);
}

/** Kernel and ramdisk in an install tree, by their URLs, best first. */
export function buildTreeSource(
  kernels: string[],
  ramdisks: string[],
  indexes: InstallerPlan['indexes'],
): InstallerSource {
  return { kernel: { role: 'kernel', urls: kernels }, ramdisk: { role: 'ramdisk', urls: ramdisks }, indexes };
}

/** Kernel and ramdisk on a medium. */
export function buildMediumSource(
  { iso, checksum }: Extract<Install, { type: 'iso' }>,
  layout: IsoLayout,
): InstallerSource {
  const medium = { ...layout, url: iso, ...(checksum === undefined ? {} : { checksum }) };
  return { ...buildTreeSource([], [], []), medium };
}

/**
 * Joins the words of a command line; undefined words are left out. @throws FactoryError InvalidTemplate where it is too
 * long
 */
export function joinCommandLine(words: (string | undefined)[]): string {
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

/**
 * Properties of the images of a Linux. @param distro the distribution's name in libosinfo @param buses properties for
 * devices that the system has drivers for, where these are not the cloud's default
 */
export function buildLinuxProperties(
  { version, arch }: Pick<Template['os'], 'version' | 'arch'>,
  distro: string,
  buses: Readonly<Record<string, string>> = {},
): Record<string, string> {
  return {
    os_type: 'linux',
    os_distro: distro,
    os_version: version,
    architecture: architectureProperty(arch),
    ...buses,
  };
}

/** Writes the medium's volume id into the command line, escaped as udev escapes labels. */
export function withVolumeId(plan: InstallerPlan, volumeId = ''): InstallerPlan {
  return { ...plan, commandLine: plan.commandLine.replaceAll(VOLUME_ID, volumeId.replaceAll(' ', '\\x20')) };
}
