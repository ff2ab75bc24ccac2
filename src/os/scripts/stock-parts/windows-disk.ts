import type { DiskLayout } from './stock-input.js';

/** A partition: its size and type, and its format. */
type Partition = {
  type: 'Primary' | 'EFI' | 'MSR';
  megabytes?: number;
  format?: string;
  label?: string;
  active?: true;
  letter?: string;
};

const PLAIN: Partition[] = [
  { type: 'Primary', megabytes: 350, format: 'NTFS', label: 'System', active: true },
  { type: 'Primary', format: 'NTFS', label: 'Windows', letter: 'C' },
];
/** https://learn.microsoft.com/windows-hardware/manufacture/desktop/configure-uefigpt-based-hard-drive-partitions */
const EFI: Partition[] = [
  { type: 'EFI', megabytes: 260, format: 'FAT32', label: 'System' },
  { type: 'MSR', megabytes: 16 },
  { type: 'Primary', format: 'NTFS', label: 'Windows', letter: 'C' },
];

/** Writes the part of Windows' answer file that wipes and partitions the first disk. */
export function writeWindowsDisk(diskLayout: DiskLayout): string {
  const partitions = diskLayout === 'efi' ? EFI : PLAIN;
  const created = partitions.map(
    ({ type, megabytes }, index) =>
      `<CreatePartition wcm:action="add"><Order>${index + 1}</Order><Type>${type}</Type>${megabytes === undefined ? '<Extend>true</Extend>' : `<Size>${megabytes}</Size>`}</CreatePartition>`,
  );
  const modified = partitions.map(({ active, format, label, letter }, index) =>
    [
      `<ModifyPartition wcm:action="add"><Order>${index + 1}</Order><PartitionID>${index + 1}</PartitionID>`,
      active === undefined ? '' : '<Active>true</Active>',
      format === undefined ? '' : `<Format>${format}</Format>`,
      label === undefined ? '' : `<Label>${label}</Label>`,
      letter === undefined ? '' : `<Letter>${letter}</Letter>`,
      '</ModifyPartition>',
    ].join(''),
  );
  return `<DiskConfiguration><Disk wcm:action="add"><DiskID>0</DiskID><WillWipeDisk>true</WillWipeDisk><CreatePartitions>${created.join('')}</CreatePartitions><ModifyPartitions>${modified.join('')}</ModifyPartitions></Disk></DiskConfiguration>`;
}
