import { FactoryError } from '../../domain/errors.js';
import type { Guest } from '../../guest/types.js';
import { cancellationSignal } from '../shared/context.js';
import type { GuestInput } from './guest-location.js';

/** Seconds that a change of the keys may take. */
const TIMEOUT = 60;

export interface SshSessionInput extends GuestInput {
  /** One line, as in `authorized_keys`, without options. */
  publicKey: string;
  /** CIDR from which the session comes, where that is not the worker's own address. */
  from?: string;
}

export async function changeAuthorizedKeys(guest: Guest, script: string): Promise<void> {
  const { exitCode, stderr } = await guest.run(script, { timeout: TIMEOUT, signal: cancellationSignal() });
  if (exitCode === 0) return;
  throw new FactoryError('CommandFailed', `the session’s key could not be changed in the guest: ${stderr.trim()}`);
}
