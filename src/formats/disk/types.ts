import type { ConvertedDisk } from '../../domain/target-image-result.js';
import type { Progress } from '../../domain/status.js';

/** A disk image file. Its format is always named, never probed: a guest can write any header into its own disk. */
export interface Disk {
  path: string;
  format: 'qcow2' | 'raw' | 'vmdk' | 'vdi' | 'vhdx' | 'vpc';
  /** bytes */
  virtualSize: number;
}

export interface ConversionOptions {
  /** Folder for the files of this conversion. It exists. What an earlier, killed attempt left in it is removed. */
  workFolder: string;
  /** Name of the image, for file names inside of archives. */
  imageName: string;
  system: {
    /** Name of the system, as a template writes it: `Debian`, `CentOS-Stream`. */
    os: string;
    version: string;
    arch: string;
    firmware: 'bios' | 'uefi';
    secureBoot: boolean;
  };
  /** Number of CPUs of the virtual machine that an OVF descriptor describes. */
  cpus: number;
  /** Memory of the virtual machine that an OVF descriptor describes, in MiB. */
  memory: number;
  /** The virtual hardware that an OVA asks of VMware, as in `vmx-19`. Default 19: vSphere 7.0 Update 2 and newer. */
  hardwareVersion?: number;
  /** VMware's name of the system in an OVA: `debian11_64Guest`. Default: from the system and the hardware version. */
  osType?: string;
  /** How a qcow2 is compressed; qcow2 only. Default `none`. QEMU before 5.1 cannot read `zstd`. */
  compression?: 'none' | 'zlib' | 'zstd';
  onProgress?: (progress: Pick<Progress, 'message' | 'percent'>) => void;
  signal?: AbortSignal;
}

/** The file that a conversion has written. */
export interface ConvertedFile extends ConvertedDisk {
  /** Path in the work folder. */
  path: string;
}
