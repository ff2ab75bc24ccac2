import type { DiskContent, FakeImage, FakeServer } from '../state.js';
import type { GuestBehaviour } from './behaviour.js';

/** The machines of the servers, and their disks. */
export interface Machines {
  /** Boots the server's disk; calls `off` when the machine switches itself off. */
  boot(server: FakeServer, guest: GuestBehaviour, off: () => void): void;
  /** Switches the machine off, without a shutdown. */
  halt(server: FakeServer): Promise<void>;
  /** Deletes a disk. */
  discard(content: DiskContent): Promise<void>;
  /** Copies a disk of `gibibytes` GiB into an image; `empty`: the image gets no bytes. */
  saveDisk(content: DiskContent, gibibytes: number, image: FakeImage, empty: boolean): Promise<void>;
}
