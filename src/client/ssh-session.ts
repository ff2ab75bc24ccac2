import {
  CLOSE_SESSION_UPDATE,
  OPEN_SESSION_UPDATE,
  type OpenedSession,
  type SessionRequest,
} from '../domain/messages.js';
import { getBuildHandle } from './builds.js';
import type { ImageFactoryClient } from './connection.js';
import { requireHeld } from './resume.js';
import { executeUpdate } from './temporal-errors.js';
import { callWorker } from './workers.js';

/** Milliseconds that opening or closing a session may take. */
const TIMEOUT = 150_000;

/**
 * Authorises a public key on the instance of a held build, opens the instance's security group for the caller, and
 * returns how to connect. {@link closeSshSession} removes the key and closes the security group again.
 *
 * @throws BuildStateError when the build is not held, or has no instance
 */
export async function openSshSession(
  client: ImageFactoryClient,
  uuid: string,
  request: SessionRequest,
): Promise<OpenedSession> {
  await requireHeld(client, uuid);
  const handle = getBuildHandle(client, uuid);
  return executeUpdate(
    () => callWorker(client, () => handle.executeUpdate(OPEN_SESSION_UPDATE, { args: [request] }), TIMEOUT),
    uuid,
  );
}

/**
 * Removes the key of a session from the instance, and closes the security group again.
 *
 * @throws BuildStateError when the build rejects the request
 */
export async function closeSshSession(
  client: ImageFactoryClient,
  uuid: string,
  request: SessionRequest,
): Promise<void> {
  const handle = getBuildHandle(client, uuid);
  await executeUpdate(
    () => callWorker(client, () => handle.executeUpdate(CLOSE_SESSION_UPDATE, { args: [request] }), TIMEOUT),
    uuid,
  );
}
