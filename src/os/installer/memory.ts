import type { Template } from '../../tdl/types.js';
import { type InstallScriptKind, SCRIPT_KINDS } from '../scripts/kinds/registry.js';
import type { Memory } from '../scripts/kinds/script-kind.js';

/** Memory, in MiB, for installers and systems from a time when machines had less memory. */
const SMALL: Memory = { installer: 512, system: 128 };

interface MemoryProfile {
  scriptKind: InstallScriptKind;
  smallMemory?: true;
}

/** Finds the memory, in MiB, that a template's installer and its system need. */
export function findMemory({ os }: Template, { scriptKind, smallMemory }: MemoryProfile): Memory {
  if (smallMemory === true) return SMALL;
  const { memory, treeInstallerMemory = memory.installer } = SCRIPT_KINDS[scriptKind];
  return os.install.type === 'url' ? { ...memory, installer: treeInstallerMemory } : memory;
}

/** Returns a warning when a flavor has less memory than the installer needs; undefined when it has enough. */
export function checkMemory(
  template: Template,
  profile: MemoryProfile,
  flavor: { name: string; ram: number },
): string | undefined {
  const { installer } = findMemory(template, profile);
  if (flavor.ram >= installer) return undefined;
  const { name, version } = template.os;
  return `flavor ${flavor.name} has ${flavor.ram} MiB of memory, but the installer of ${name} ${version} needs about ${installer} MiB`;
}
