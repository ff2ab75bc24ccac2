import {
  CLOSE_SESSION_UPDATE,
  OPEN_SESSION_UPDATE,
  type OpenedSession,
  type SessionRequest,
} from '../domain/messages.js';
import { executeUpdate } from './temporal-errors.js';
import { buildHandle } from './builds.js';
import type { ImageFactoryClient } from './connection.js';
import { heldStatus } from './resume.js';

/** Milliseconds that the guest may take to let somebody in. */
const TIMEOUT = 150_000;

/** Lets somebody in to the instance of a held build, with a key of their own. @throws ClientError when it is not held */
export async function openSession(
  factory: ImageFactoryClient,
  uuid: string,
  request: SessionRequest,
): Promise<OpenedSession> {
  await heldStatus(factory, uuid);
  const handle = buildHandle(factory, uuid);
  return executeUpdate(
    () => factory.call(() => handle.executeUpdate(OPEN_SESSION_UPDATE, { args: [request] }), TIMEOUT),
    uuid,
  );
}

/** Lets nobody in with the key any more. */
export async function closeSession(factory: ImageFactoryClient, uuid: string, request: SessionRequest): Promise<void> {
  const handle = buildHandle(factory, uuid);
  await executeUpdate(
    () => factory.call(() => handle.executeUpdate(CLOSE_SESSION_UPDATE, { args: [request] }), TIMEOUT),
    uuid,
  );
}
