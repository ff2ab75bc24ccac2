import type { DiskContent, FakeImage, FakeServer } from '../state.js';
import type { GuestBehaviour } from './behaviour.js';

/** The machines behind the servers, and what they have written on their disks. */
export interface Machines {
  /** Boots the server's disk; `off` is called when the machine switches itself off. */
  boot(server: FakeServer, guest: GuestBehaviour, off: () => void): void;
  /** Switches it off. */
  halt(server: FakeServer): Promise<void>;
  /** Throws a disk away. */
  discard(content: DiskContent): Promise<void>;
  /** Copies a disk of so many GiB into an image; `empty` gives the image no bytes. */
  saveDisk(content: DiskContent, gibibytes: number, image: FakeImage, empty: boolean): Promise<void>;
}
