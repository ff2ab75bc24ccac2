/* The machines in which QEMU boots a converted disk: each has the controllers of a cloud or of a hypervisor. */

/** The disk controllers. */
export type DiskController = 'virtio-blk' | 'virtio-scsi' | 'nvme' | 'pvscsi' | 'ide' | 'ahci';

/** The Linux drivers that find a disk behind each controller. */
export const DISK_DRIVERS: Readonly<Record<DiskController, readonly string[]>> = {
  'virtio-blk': ['virtio_pci', 'virtio_blk'],
  'virtio-scsi': ['virtio_pci', 'virtio_scsi'],
  nvme: ['nvme'],
  pvscsi: ['vmw_pvscsi'],
  ide: ['ata_piix'],
  ahci: ['ahci'],
};

/** The network adapters, by QEMU's names of them. */
export type NetworkAdapter = 'virtio-net' | 'vmxnet3' | 'e1000' | 'tulip';

/** The hardware of a machine that boots a converted disk. */
export interface BootMachine {
  disk: DiskController;
  network: NetworkAdapter;
}

/** The machine of targets that name no other: most hypervisors are KVM. */
export const KVM_MACHINE: BootMachine = { disk: 'virtio-blk', network: 'virtio-net' };
export const SCSI_MACHINE: BootMachine = { disk: 'virtio-scsi', network: 'virtio-net' };
export const VMWARE_MACHINE: BootMachine = { disk: 'pvscsi', network: 'vmxnet3' };
/** QEMU has no adapter of the kind that EC2 calls ENA. */
export const EC2_MACHINE: BootMachine = { disk: 'nvme', network: 'virtio-net' };
/** Hyper-V's legacy network adapter is a DEC 21140, as QEMU's tulip. */
export const HYPERV_MACHINE: BootMachine = { disk: 'ide', network: 'tulip' };
export const VIRTUALBOX_MACHINE: BootMachine = { disk: 'ahci', network: 'e1000' };
