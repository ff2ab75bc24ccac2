import type { DiskContent, FakeImage, FakeServer } from '../state.js';
import type { GuestBehaviour } from './behaviour.js';

/** What servers and volumes need from the machines and their disks. */
export interface Machines {
  /** Boots the server's machine from its disk. Calls `off` when the machine switches itself off. */
  boot(server: FakeServer, guest: GuestBehaviour, off: () => void): void;
  /** Switches the server's machine off at once, without a shutdown. */
  halt(server: FakeServer): Promise<void>;
  /** Deletes the files of a disk. */
  discard(content: DiskContent): Promise<void>;
  /** Copies a disk of `gibibytes` GiB into an image. If `empty` is true, the image gets no bytes. */
  saveDisk(content: DiskContent, gibibytes: number, image: FakeImage, empty: boolean): Promise<void>;
}
