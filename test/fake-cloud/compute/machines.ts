import type { FakeImage, FakeServer } from '../state.js';
import type { GuestBehaviour } from './behaviour.js';

/** The machines behind the servers. */
export interface Machines {
  /** Boots the server's disk; `off` is called when the machine switches itself off. */
  boot(server: FakeServer, guest: GuestBehaviour, off: () => void): void;
  /** Switches it off. */
  halt(server: FakeServer): Promise<void>;
  /** Switches it off and throws its disk away. */
  remove(server: FakeServer): Promise<void>;
  /** Copies its disk into an image; `empty` gives the image no bytes. */
  saveDisk(server: FakeServer, image: FakeImage, empty: boolean): Promise<void>;
}
