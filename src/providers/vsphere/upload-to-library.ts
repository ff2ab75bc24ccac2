import { FactoryError } from '../../domain/errors.js';
import { deriveUuid } from '../../planning/derive-uuid.js';
import { retryPart } from '../transfer/retry-part.js';
import { UploadPace } from '../transfer/upload-pace.js';
import type { Operation, PushedImage } from '../types.js';
import { keepAlive } from './keep-alive.js';
import type { LibraryApi, LibraryItem, UpdateFile } from './library-api.js';
import { openPart, type Ova, type OvaPart } from './ova-parts.js';
import type { VapiClient } from './vapi-client.js';
import { formatMessages, VapiError } from './vapi-errors.js';

/** Milliseconds between two signs of life. vCenter ends a session after five minutes without one. */
const KEEP_ALIVE = 60_000;
/** Sessions of one item. Each has a token of its own, and a token that was used never starts a second session. */
const SESSIONS = 100;

interface Upload {
  api: LibraryApi;
  vapi: VapiClient;
  operation: Operation;
  image: PushedImage;
  ova: Ova;
  item: LibraryItem;
}

/**
 * Brings the files of an OVA into an item: in the update session that an earlier attempt has opened, if it is still
 * active, and without the files that vCenter has already. A file that was cut in its middle is sent again from its
 * start: the API takes no ranges.
 *
 * @returns bytes that were sent
 */
export async function uploadToLibrary(upload: Upload): Promise<number> {
  const { operation, image, ova, item, api } = upload;
  const total = ova.parts.reduce((sum, { size }) => sum + size, 0);
  let sent = 0;
  const count = (bytes: number): void => void (sent += bytes);
  await retryPart(operation, async () => {
    const pace = new UploadPace(operation, `uploading ${image.file.name} to the item ${item.name}`, total);
    const session = await openSession(upload);
    const ping = (): Promise<void> => api.actOnSession(operation, session, 'keep-alive');
    await keepAlive(KEEP_ALIVE, ping, async () => {
      const present = new Map((await api.listFiles(operation, session)).map((file) => [file.name, file]));
      for (const part of ova.parts) {
        if (isComplete(present.get(part.name), part)) pace.skip(part.size);
        else await sendPart(upload, session, part, pace, count);
      }
    });
    await completeSession(upload, session);
  });
  return sent;
}

function isComplete(file: UpdateFile | undefined, part: OvaPart): boolean {
  return file?.status === 'READY' && file.size === part.size;
}

/** Finds the active session of the item, or starts one. vCenter lets an item have only one. */
async function openSession({ api, operation, image, item }: Upload): Promise<string> {
  const active = (await api.listSessions(operation, item.id)).find(({ state }) => state === 'ACTIVE');
  if (active !== undefined) return active.id;
  for (let number = 0; number < SESSIONS; number++) {
    const token = deriveUuid(`vsphere:session:${item.id}:${image.uuid}:${image.file.sha512}:${number}`);
    const id = await api.createSession(operation, item.id, token);
    if ((await api.getSession(operation, id))?.state === 'ACTIVE') return id;
  }
  throw new FactoryError('ImageFailed', `vCenter has ended ${SESSIONS} uploads to the item ${item.name}`);
}

async function sendPart(
  { api, vapi, operation, image }: Upload,
  session: string,
  part: OvaPart,
  pace: UploadPace,
  count: (bytes: number) => void,
): Promise<void> {
  const { upload_endpoint: endpoint } = await api.addFile(operation, session, part);
  if (endpoint === undefined) {
    throw new FactoryError('CloudUnavailable', `vCenter named no address for ${part.name}`, { retryable: true });
  }
  const body = openPart(image.file.path, part, pace, count);
  await vapi.put(operation, endpoint.uri, part.size, body);
  for (;;) {
    const file = await api.getFile(operation, session, part.name);
    if (file?.status === 'ERROR') throw transferError(part.name, file);
    if (file === undefined || !['TRANSFERRING', 'VALIDATING'].includes(file.status)) return;
    await operation.sleep(operation.pollInterval);
  }
}

function transferError(name: string, { error_message: message }: UpdateFile): FactoryError {
  return new FactoryError('ImageFailed', `vCenter did not take ${name}: ${formatMessages(message ? [message] : [])}`);
}

/** Makes the files visible, all at once, and waits for it. */
async function completeSession({ api, operation, item, ova }: Upload, session: string): Promise<void> {
  try {
    await api.actOnSession(operation, session, 'complete');
  } catch (error) {
    // A first call whose reply was lost may already have completed it.
    if (!(error instanceof VapiError && ['NOT_ALLOWED_IN_CURRENT_STATE', 'NOT_FOUND'].includes(error.errorType)))
      throw error;
    await expectAllFiles(api, operation, session, ova, error);
  }
  for (;;) {
    const found = await api.getSession(operation, session);
    // vCenter removes a session some time after it is done.
    if (found === undefined) return;
    if (found.state === 'DONE') return await removeEndedSessions(api, operation, item);
    if (found.state !== 'ACTIVE') throw sessionError(item, found.state, found.error_message);
    operation.report({ message: `waiting until vCenter has checked the item ${item.name}` });
    await operation.sleep(operation.pollInterval);
  }
}

async function removeEndedSessions(api: LibraryApi, operation: Operation, item: LibraryItem): Promise<void> {
  for (const { id, state } of await api.listSessions(operation, item.id)) {
    if (state !== 'ACTIVE') await api.deleteSession(operation, id);
  }
}

/** Throws the error unless the session is not active any more, or has all files and so is being completed. */
async function expectAllFiles(
  api: LibraryApi,
  operation: Operation,
  session: string,
  ova: Ova,
  error: VapiError,
): Promise<void> {
  if ((await api.getSession(operation, session))?.state !== 'ACTIVE') return;
  const files = new Map((await api.listFiles(operation, session)).map((file) => [file.name, file]));
  if (ova.parts.every((part) => isComplete(files.get(part.name), part))) return;
  throw new FactoryError('CloudUnavailable', `vCenter misses bytes of the upload: ${error.message}`, {
    retryable: true,
    cause: error,
  });
}

function sessionError(item: LibraryItem, state: string, message?: UpdateFile['error_message']): FactoryError {
  const words = formatMessages(message ? [message] : []);
  if (state === 'CANCELED') {
    return new FactoryError(
      'Conflict',
      `somebody has canceled the upload to the item ${item.name} at vCenter: ${words}`,
      {
        retryable: true,
      },
    );
  }
  return new FactoryError('ImageFailed', `vCenter did not take the item ${item.name}: ${words}`, {
    hint: 'read the task in the vSphere Client; a security policy of the library may ask for a signed OVF',
  });
}
