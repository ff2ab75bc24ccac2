import { FactoryError } from '../../domain/errors.js';
import { isLocalFileUrl } from '../../domain/file-url.js';
import type { Install, Template } from '../../tdl/types.js';
import { architectureProperty } from '../common/architectures.js';
import { type InstallScriptKind, SCRIPT_KINDS } from '../scripts/kinds/registry.js';
import type { InstallerPlan, IsoLayout } from './types.js';

/** Properties of a boot image that its snapshot must not have, because they would boot the installer again. */
export const STRIPPED_PROPERTIES: readonly string[] = ['kernel_id', 'ramdisk_id', 'os_command_line'];

/**
 * Placeholder in a command line for the volume id of the medium, which is known only after the medium has been fetched.
 */
export const VOLUME_ID = '{volume-id}';

/** The members of a plan that locate kernel and ramdisk. */
export type InstallerSource = Pick<InstallerPlan, 'kernel' | 'ramdisk' | 'indexes' | 'medium'>;

/**
 * Maximum length of a kernel command line, in characters: x86's COMMAND_LINE_SIZE minus the final zero. The kernel
 * silently cuts off the rest of a longer command line.
 */
const LONGEST_COMMAND_LINE = 2047;

/** Returns the URL of a template's install tree, without a slash at its end. */
export function getTreeUrl({ os }: Template): string {
  if (os.install.type === 'url') return encodeSpaces(os.install.url).replace(/\/+$/, '');
  throw new FactoryError('Internal', `${os.name} is installed from a medium, so it has no install tree`);
}

/**
 * Encodes the characters that would end a word of a kernel command line: white space and double quotation marks.
 * Removes tabs and line breaks, as every reader of URLs does.
 */
function encodeSpaces(url: string): string {
  return url.replace(/[\t\r\n]+/g, '').replace(/[\s"]/g, (character) => encodeURIComponent(character));
}

/** Lists the URL schemes of the install trees that installers with this kind of script support. */
function listTreeSchemes(scriptKind: InstallScriptKind): string[] {
  return ['http:', 'https:', 'ftp:', ...(SCRIPT_KINDS[scriptKind].otherTreeSchemes ?? [])];
}

/** Checks whether an installer with this kind of script can be fetched from the URL of an install tree. */
function isTreeAddress(url: string, scriptKind: InstallScriptKind): boolean {
  const protocol = URL.canParse(url) ? new URL(url).protocol : '';
  return listTreeSchemes(scriptKind).includes(protocol) && (protocol !== 'file:' || isLocalFileUrl(url));
}

/**
 * Checks that a build can fetch files from the template's install tree.
 * @throws FactoryError InvalidTemplate when it cannot
 */
export function checkTree({ os }: Template, scriptKind: InstallScriptKind): void {
  if (os.install.type !== 'url' || isTreeAddress(os.install.url, scriptKind)) return;
  const known = listTreeSchemes(scriptKind).map((scheme) => `${scheme}//…`);
  throw new FactoryError('InvalidTemplate', `<url> is not an address that ${os.name} can be installed from`, {
    hint: `write the address of an install tree (${known.join(', ')}) that the instance can reach too`,
  });
}

/** Returns the install medium of a template that is installed from an ISO. */
export function getIso({ os }: Template): Extract<Install, { type: 'iso' }> {
  if (os.install.type === 'iso') return os.install;
  throw new FactoryError('Internal', `${os.name} is installed from an install tree, so it has no medium`);
}

/**
 * Returns the source of an installer whose kernel and ramdisk are in an install tree. The lists of URLs begin with the
 * best URL.
 */
export function buildTreeSource(
  kernels: string[],
  ramdisks: string[],
  indexes: InstallerPlan['indexes'],
): InstallerSource {
  return { kernel: { role: 'kernel', urls: kernels }, ramdisk: { role: 'ramdisk', urls: ramdisks }, indexes };
}

/** Returns the source of an installer whose kernel and ramdisk are on a medium. */
export function buildMediumSource(
  { iso, checksum }: Extract<Install, { type: 'iso' }>,
  layout: IsoLayout,
): InstallerSource {
  const medium = { ...layout, url: iso, ...(checksum === undefined ? {} : { checksum }) };
  return { ...buildTreeSource([], [], []), medium };
}

/**
 * Joins the words of a kernel command line and leaves out undefined words.
 * @throws FactoryError InvalidTemplate when the command line is too long
 */
export function joinCommandLine(words: (string | undefined)[]): string {
  const line = words.filter((word) => word !== undefined).join(' ');
  if (line.length > LONGEST_COMMAND_LINE) {
    throw new FactoryError(
      'InvalidTemplate',
      `the installer's kernel command line would have ${line.length} characters, but a kernel accepts at most ${LONGEST_COMMAND_LINE}`,
      { hint: 'shorten <kernelparam>' },
    );
  }
  return line;
}

/**
 * Returns the properties of the images of a Linux system.
 * @param distro the distribution's name in libosinfo
 * @param buses properties that select devices for which the system has drivers. They are needed when the system has no
 *   drivers for the cloud's default devices.
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

/** Replaces {@link VOLUME_ID} in the command line with the medium's volume id, escaped as udev escapes labels. */
export function withVolumeId(plan: InstallerPlan, volumeId = ''): InstallerPlan {
  return { ...plan, commandLine: plan.commandLine.replaceAll(VOLUME_ID, volumeId.replaceAll(' ', '\\x20')) };
}
