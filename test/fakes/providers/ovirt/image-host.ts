/** The right to write one disk, for the time of a transfer. */
export interface Ticket {
  id: string;
  diskId: string;
  /** Bytes that may be written. */
  size: number;
  /** How the disk is stored on the host. */
  format: 'cow' | 'raw';
  sparse: boolean;
}

/** A host of oVirt, as the engine sees it: vdsm with imageio. */
export interface ImageHost {
  /** Makes the disk if it is not there, and gives the ticket to imageio. @returns the URL for the client */
  openDisk(ticket: Ticket): Promise<string>;
  /** Takes the ticket back. */
  closeDisk(ticketId: string): Promise<void>;
  removeDisk(diskId: string): Promise<void>;
  /** Copies a disk, for a template. */
  copyDisk(diskId: string, copyId: string): Promise<void>;
}
