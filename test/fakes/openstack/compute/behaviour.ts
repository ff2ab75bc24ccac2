import { BehaviourRules } from '../core/behaviour-rules.js';
import type { FakeServer } from '../state.js';

/** The behaviour of an installer. */
export type InstallerBehaviour =
  /** The installer installs the system and powers the machine off. */
  | 'ok'
  /** The installer installs the system and does not power the machine off. */
  | 'never-off'
  /** The installer powers the machine off before it prints anything. */
  | 'off-at-once'
  /** The installer prints nothing, and uses neither the disk nor the network. */
  | 'silent'
  /** The installer prints its failure and waits for a key. */
  | 'fails'
  /** The installer prints its failure and powers the machine off. */
  | 'fails-and-off';

/** The behaviour of a guest that boots from its disk. */
export interface GuestBehaviour {
  /** Whether the guest has an SSH server. If false, nothing listens on the SSH port. Default true. */
  ssh: boolean;
  /** Whether the guest has cloud-init. If false, nothing sets the guest's SSH keys and host name. Default true. */
  cloudInit: boolean;
  /**
   * The default user of cloud-init. cloud-init authorizes the server's key pair for this user and for root. Default
   * `debian`.
   */
  user: string;
  /** The sudo rights of `user`: sudo without a password, sudo with a password, or no sudo. Default `nopasswd`. */
  sudo: 'nopasswd' | 'password' | 'none';
  /** Whether the guest uses the host key in its user data. If false, the guest generates a host key. Default true. */
  takesHostKey: boolean;
  /**
   * Whether the guest's OpenSSH is older than 6.5: it has only RSA keys, SHA-1 key exchanges and CBC ciphers. Default
   * false.
   */
  oldSsh: boolean;
  /** Whether a shutdown or reboot from inside the guest has no effect. Default false. */
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

/** The behaviour of a snapshot. */
type SnapshotBehaviour =
  | 'ok'
  /** The image ends as `killed`, and the server's task ends. */
  | 'killed'
  /** The image disappears, and the server's task ends, as when the snapshot fails in Nova. */
  | 'deleted'
  /** The image becomes active with no bytes. */
  | 'empty'
  /** The image stays queued for ever, but the server's task ends. */
  | 'stuck'
  /** The image stays queued for ever, and the server's task never ends. */
  | 'endless';

/** A behaviour that a test sets for servers. A field affects only operations that begin after the test has set it. */
export interface Behaviour {
  /** The servers that have this behaviour. Default: all. */
  match?: { name?: RegExp; boots?: FakeServer['boots'] };
  /**
   * Number of operations to which the behaviour applies. An operation (creation, boot, snapshot or deletion of a
   * server) counts only if it uses a field of the behaviour. Default Infinity.
   */
  times?: number;
  create?:
    | 'ok'
    /** The server goes to ERROR with `fault`. */
    | 'error'
    /** The server stays in BUILD. */
    | 'stuck';
  /** The server's fault message. Default "No valid host was found. There are not enough hosts available." */
  fault?: string;
  installer?: InstallerBehaviour;
  /**
   * The line that a failing installer prints. Default: the error of a Debian installer, or, if the installer finds no
   * install script, the message that the script is missing.
   */
  failureLine?: string;
  guest?: Partial<GuestBehaviour>;
  snapshot?: SnapshotBehaviour;
  delete?:
    | 'ok'
    /** The server is never deleted and keeps the task state `deleting`, as when nova-compute does not run. */
    | 'stuck';
  /** Milliseconds from the server's creation until another user deletes the server. Unset: nobody else deletes it. */
  deletedAfter?: number;
  /** Milliseconds that the installer takes. Default: `install` in the durations of the cloud. */
  install?: number;
}

/** The behaviours that tests have set for servers. */
export class Behaviours extends BehaviourRules<Behaviour, FakeServer> {
  constructor() {
    super(
      ({ match = {} }, { name, boots }) =>
        match.name?.test(name) !== false && (match.boots === undefined || match.boots === boots),
    );
  }
}
