import { FactoryError } from '../../domain/errors.js';
import type { Guest } from '../../guest/types.js';
import { cancellationSignal } from '../shared/context.js';
import type { GuestInput } from './guest-location.js';

/** Seconds after which a change of `authorized_keys` in the guest fails. */
const TIMEOUT = 60;

export interface SshSessionInput extends GuestInput {
  /** The user's public key: one line of `authorized_keys`, without options. */
  publicKey: string;
  /** CIDR from which the user connects. Default: the worker's own address, which has access already. */
  from?: string;
}

export async function changeAuthorizedKeys(guest: Guest, script: string): Promise<void> {
  const { exitCode, stderr } = await guest.run(script, { timeout: TIMEOUT, signal: cancellationSignal() });
  if (exitCode === 0) return;
  throw new FactoryError(
    'CommandFailed',
    `the file authorized_keys in the guest could not be changed (exit status ${exitCode}): ${stderr.trim()}`,
  );
}
