import { BehaviourRules } from '../core/behaviour-rules.js';
import type { FakeServer } from '../state.js';

/** The behaviour of an installer. */
export type InstallerBehaviour =
  /** It installs the system and powers off. */
  | 'ok'
  /** It installs the system and does not power off. */
  | 'never-off'
  /** It powers off before it prints anything. */
  | 'off-at-once'
  /** It prints nothing, and neither disk nor network move bytes. */
  | 'silent'
  /** It prints its failure and waits for a key. */
  | 'fails'
  /** It prints its failure and powers off. */
  | 'fails-and-off';

/** The behaviour of a guest that boots from its disk. */
export interface GuestBehaviour {
  /** False: nothing listens on its SSH port. Default true. */
  ssh: boolean;
  /** False: the guest has no cloud-init, so nothing sets its keys and its name. Default true. */
  cloudInit: boolean;
  /** The user to whom cloud-init gives the key, besides root. Default `debian`. */
  user: string;
  /** The rights of that user in sudoers. Default `nopasswd`. */
  sudo: 'nopasswd' | 'password' | 'none';
  /** False: it ignores the host key in its user data and generates its own. Default true. */
  takesHostKey: boolean;
  /** True: its OpenSSH is older than 6.5 and has only RSA keys, SHA-1 key exchanges and CBC ciphers. Default false. */
  oldSsh: boolean;
  /** True: a shutdown from inside or by ACPI has no effect. Default false. */
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
  /** The image disappears and the server's task ends, as when Nova itself fails. */
  | 'deleted'
  /** The image becomes active with no bytes. */
  | 'empty'
  /** The image stays queued for ever, but the server's task ends. */
  | 'stuck'
  /** The image stays queued for ever, and the server's task never ends. */
  | 'endless';

/** The behaviour of servers that will be created. */
export interface Behaviour {
  /** The servers that have this behaviour. Default: all. */
  match?: { name?: RegExp; boots?: FakeServer['boots'] };
  /** Number of servers (for `snapshot`: of snapshots) that have it. Default Infinity. */
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
  /** The line that a failing installer prints. */
  failureLine?: string;
  guest?: Partial<GuestBehaviour>;
  snapshot?: SnapshotBehaviour;
  delete?:
    | 'ok'
    /** The server stays, with its task `deleting`: the service that should delete it has stopped. */
    | 'stuck';
  /** Milliseconds after its creation at which another user deletes it. */
  deletedAfter?: number;
  /** Milliseconds that the installer takes. Default: the cloud's `install`. */
  install?: number;
}

/** The behaviours that tests have set for servers that will be created. */
export class Behaviours extends BehaviourRules<Behaviour, FakeServer> {
  constructor() {
    super(
      ({ match = {} }, { name, boots }) =>
        match.name?.test(name) !== false && (match.boots === undefined || match.boots === boots),
    );
  }
}
