import { Orders } from '../core/orders.js';
import type { FakeServer } from '../state.js';

/** How an installer goes. */
export type InstallerBehaviour =
  /** Installs, fetches its user data, powers off. */
  | 'ok'
  /** Comes to its end and waits there. */
  | 'never-off'
  /** Off before it has printed anything of an installation. */
  | 'off-at-once'
  /** Prints nothing, and moves no bytes. */
  | 'silent'
  /** Prints its failure and waits for somebody to press a key. */
  | 'fails'
  /** Prints its failure and powers off. */
  | 'fails-and-off';

/** How a guest booted from a disk is. */
export interface GuestBehaviour {
  /** False: nothing listens on its SSH port. Default true. */
  ssh: boolean;
  /** False: no key, no host key, no name is set; the disk stays as it was. Default true. */
  cloudInit: boolean;
  /** The user that cloud-init gives the key to, besides root. Default `debian`. */
  user: string;
  /** What `sudo` does for that user. Default `nopasswd`. */
  sudo: 'nopasswd' | 'password' | 'none';
  /** False: it takes no host key from its user data but makes its own. Default true. */
  takesHostKey: boolean;
  /** True: its OpenSSH is of before 6.5, and so old that it has RSA keys, SHA-1 key exchanges and CBC ciphers only. Default false. */
  oldSsh: boolean;
  /** True: a shutdown from inside or by the ACPI button has no effect. Default false. */
  ignoresShutdown: boolean;
}

export const DEFAULT_GUEST: GuestBehaviour = {
  ssh: true,
  cloudInit: true,
  user: 'debian',
  sudo: 'nopasswd',
  takesHostKey: true,
  oldSsh: false,
  ignoresShutdown: false,
};

/** How a snapshot goes. */
export type SnapshotBehaviour =
  | 'ok'
  /** The image ends `killed`, the server's task is over. */
  | 'killed'
  /** The image vanishes, the server's task is over: what Nova does when it fails itself. */
  | 'deleted'
  /** Active with no bytes. */
  | 'empty'
  /** Queued for ever, the server's task is over. */
  | 'stuck'
  /** Queued for ever, and so is the server's task. */
  | 'endless';

/** What is peculiar about a server, and about which. */
export interface Behaviour {
  match?: { name?: RegExp; boots?: FakeServer['boots'] };
  /** How many servers (for `snapshot`: snapshots). Default Infinity. */
  times?: number;
  create?:
    | 'ok'
    /** Goes to ERROR with `fault`. */
    | 'error'
    /** Stays in BUILD. */
    | 'stuck';
  /** Default "No valid host was found. There are not enough hosts available." */
  fault?: string;
  installer?: InstallerBehaviour;
  /** Line that a failing installer prints. */
  failureLine?: string;
  guest?: Partial<GuestBehaviour>;
  snapshot?: SnapshotBehaviour;
  delete?:
    | 'ok'
    /** Stays there, with its task `deleting`: what is to do it has stopped. */
    | 'stuck';
  /** Milliseconds after its creation at which somebody else deletes it. */
  deletedAfter?: number;
  /** Milliseconds that the installer takes, instead of the cloud's `install`. */
  install?: number;
}

/** What tests say about servers to come. */
export class Behaviours extends Orders<Behaviour, FakeServer> {
  constructor() {
    super(
      ({ match = {} }, { name, boots }) =>
        match.name?.test(name) !== false && (match.boots === undefined || match.boots === boots),
    );
  }
}
