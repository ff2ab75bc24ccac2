import type { InstallScriptKind, OsProfile } from '../types.js';
import type { Template } from '../../tdl/types.js';
import { isFrom } from '../versions.js';

/** MiB. */
interface Memory {
  /** What the installer needs to come to its end. */
  installer: number;
  /** What the installed system needs to start: Nova refuses smaller flavors for its images. */
  system: number;
}

/** What today's releases ask for, by their installer: the distributions' own words, for debian-installer as measured. */
const MEMORY: Record<InstallScriptKind, Memory> = {
  // With 512 MiB it stops in its low-memory mode and asks for Enter.
  preseed: { installer: 1024, system: 256 },
  kickstart: { installer: 2048, system: 512 },
  autoinstall: { installer: 2048, system: 512 },
  autoyast: { installer: 1024, system: 512 },
  agama: { installer: 2048, system: 512 },
  auto_inst: { installer: 1024, system: 512 },
  installerconfig: { installer: 512, system: 256 },
  autounattend: { installer: 2048, system: 1024 },
};

/** Installers of a time in which machines had less. */
const OF_OLD: Memory = { installer: 512, system: 128 };
const OLD: Partial<Record<string, string>> = {
  debian: '7',
  ubuntu: '12.04',
  fedora: '13',
  'fedora-core': '7',
  'red-hat-linux': '10',
  mandrake: '11',
  mandriva: '2009',
  opensuse: '12',
};
const ENTERPRISE = '6';

/** A live system whose medium the installer fetches into memory, and unpacks there. */
const INTO_MEMORY = 5 * 1024;

/** Memory of a template's installer and of its system, in MiB. */
export function memoryOf({ os }: Template, { family, version, scriptKind }: OsProfile): Memory {
  const firstOfToday = OLD[family] ?? (scriptKind === 'kickstart' ? ENTERPRISE : undefined);
  if (firstOfToday !== undefined && !isFrom(version, firstOfToday)) return OF_OLD;
  const memory = MEMORY[scriptKind];
  return scriptKind === 'autoinstall' && os.install.type === 'url' ? { ...memory, installer: INTO_MEMORY } : memory;
}

/** What is to be known of a flavor that has less; undefined where it has enough. */
export function memoryWarning(
  template: Template,
  profile: OsProfile,
  flavor: { name: string; ram: number },
): string | undefined {
  const { installer } = memoryOf(template, profile);
  if (flavor.ram >= installer) return undefined;
  const { name, version } = template.os;
  return `flavor ${flavor.name} has ${flavor.ram} MiB of memory, the installer of ${name} ${version} needs about ${installer}`;
}
