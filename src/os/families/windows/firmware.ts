import type { InstallerPlan } from '../../types.js';

/**
 * What is to be known of a Windows that UEFI starts. The loader of its media waits for a key (efisys.bin); BIOS's asks only where the disk
 * has something to start. https://learn.microsoft.com/windows-hardware/manufacture/desktop/oscdimg-command-line-options
 */
export function windowsWarnings({ scriptKind, imageProperties }: InstallerPlan): string[] {
  if (scriptKind !== 'autounattend' || imageProperties['hw_firmware_type'] !== 'uefi') return [];
  return [
    'Microsoft’s media of Windows ask for a key before UEFI starts them, and nobody presses one: the medium has to be one without the question (efisys_noprompt.bin)',
  ];
}
