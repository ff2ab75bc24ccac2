import type { Template } from '../../tdl/types.js';
import { type InstallScriptKind, SCRIPT_KINDS } from '../scripts/kinds/registry.js';
import type { Memory } from '../scripts/kinds/script-kind.js';

/** Memory of installers and systems of a time in which machines had less. */
const SMALL: Memory = { installer: 512, system: 128 };

interface MemoryProfile {
  scriptKind: InstallScriptKind;
  smallMemory?: true;
}

/** The memory that a template's installer and its system need. */
export function findMemory({ os }: Template, { scriptKind, smallMemory }: MemoryProfile): Memory {
  if (smallMemory === true) return SMALL;
  const { memory, treeInstallerMemory = memory.installer } = SCRIPT_KINDS[scriptKind];
  return os.install.type === 'url' ? { ...memory, installer: treeInstallerMemory } : memory;
}

/** Warns about a flavor with less memory than the installer needs; undefined where it has enough. */
export function checkMemory(
  template: Template,
  profile: MemoryProfile,
  flavor: { name: string; ram: number },
): string | undefined {
  const { installer } = findMemory(template, profile);
  if (flavor.ram >= installer) return undefined;
  const { name, version } = template.os;
  return `flavor ${flavor.name} has ${flavor.ram} MiB of memory, the installer of ${name} ${version} needs about ${installer}`;
}
