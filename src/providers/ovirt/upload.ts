import { FactoryError } from '../../domain/errors.js';
import type { UploadedFile } from '../../domain/provider-image.js';
import type { Tls } from '../../http/http.js';
import type { Operation, PushedImage } from '../types.js';
import { isConfidential } from './configuration.js';
import { createDisk, deleteDisk, findDisk, markDisk, stageOf, waitForDisk } from './disks.js';
import type { Engine } from './engine.js';
import { Imageio, isTicketLost } from './imageio.js';
import { diskIdOf } from './marks.js';
import type { OvirtDisk, OvirtStorageDomain, OvirtTransfer } from './schemas.js';
import { sendDisk, type SentDisk } from './send-disk.js';
import { cancelTransfer, finalizeTransfer, findTransfer, isClosing, openTransfer, startTransfer } from './transfers.js';

/** The note that says how the disk was compared. */
const VERIFIED_NOTE = 'ovirt-verified';
/** The disk is marked as uploaded, or its transfer is ended, only after the comparison. */
const VERIFIED_BEFORE = 'compared by an earlier attempt, which has kept no note';

/** Brings the image's disk to oVirt. */
export async function uploadDisk(
  operation: Operation,
  engine: Engine,
  image: PushedImage,
  tls: Tls,
  findDomain: () => Promise<OvirtStorageDomain>,
): Promise<UploadedFile> {
  const { signal } = operation;
  const id = diskIdOf(image);
  const verifiedBefore = async (): Promise<string> => (await operation.notes.read(VERIFIED_NOTE)) ?? VERIFIED_BEFORE;
  const found = await findUsableDisk(operation, engine, image);
  if (found !== undefined && stageOf(found) !== 'upload') {
    return { ids: { disk: id }, sent: 0, verifiedBy: await verifiedBefore() };
  }
  const started = found === undefined ? undefined : await findTransfer(engine, id, signal);
  const transfer = started ?? (await prepare(operation, engine, image, found !== undefined, findDomain));
  const open = await openTransfer(operation, engine, transfer.id);
  const { sent, verifiedBy } = isClosing(open)
    ? { sent: 0, verifiedBy: await verifiedBefore() }
    : await send(operation, engine, image, open, tls);
  await operation.notes.write(VERIFIED_NOTE, verifiedBy);
  await finalizeTransfer(operation, engine, open.id, id);
  await waitForDisk(operation, engine, id);
  await markDisk(operation, engine, image, 'uploaded');
  return { ids: { disk: id }, sent, verifiedBy };
}

/** Finds the disk of an earlier attempt. Removes it when oVirt says that nothing can be done with it. */
async function findUsableDisk(
  operation: Operation,
  engine: Engine,
  image: PushedImage,
): Promise<OvirtDisk | undefined> {
  const disk = await findDisk(engine, image, operation.signal);
  if (disk === undefined || disk.status !== 'illegal' || stageOf(disk) !== 'upload') return disk;
  if ((await findTransfer(engine, disk.id, operation.signal)) !== undefined) return disk;
  await deleteDisk(operation, engine, disk.id);
  return undefined;
}

async function prepare(
  operation: Operation,
  engine: Engine,
  image: PushedImage,
  isThere: boolean,
  findDomain: () => Promise<OvirtStorageDomain>,
): Promise<OvirtTransfer> {
  if (!isThere) await createDisk(operation, engine, image, await findDomain());
  const id = diskIdOf(image);
  await waitForDisk(operation, engine, id);
  return await startTransfer(operation, engine, id);
}

async function send(
  operation: Operation,
  engine: Engine,
  image: PushedImage,
  transfer: OvirtTransfer,
  tls: Tls,
): Promise<SentDisk> {
  const imageio = await connect(operation, transfer, tls);
  try {
    return await sendDisk(operation, image, imageio);
  } catch (error) {
    operation.signal.throwIfAborted();
    if (!isTicketLost(error)) throw error;
    throw await giveUpTicket(operation, engine, transfer, error);
  } finally {
    await imageio.close();
  }
}

/**
 * Connects to the host, or to the engine's proxy where the host cannot be reached from here.
 *
 * @throws the error of the host when there is no proxy, else that of the proxy
 */
async function connect(operation: Operation, transfer: OvirtTransfer, tls: Tls): Promise<Imageio> {
  const told = [transfer.transfer_url, transfer.proxy_url].filter((url) => url !== undefined && url !== '');
  const urls = told.filter((url) => isConfidential(url as string));
  if (urls.length === 0 && told.length > 0) {
    throw new FactoryError('InvalidParameter', 'oVirt names an address for the upload that is not https', {
      hint: 'the ticket and the disk must not cross a network unencrypted: turn on TLS of ovirt-imageio on the hosts',
    });
  }
  let failure: unknown = new FactoryError('CloudUnavailable', 'oVirt names no address for the upload', {
    retryable: true,
  });
  for (const url of new Set(urls as string[])) {
    const imageio = new Imageio(url, tls);
    try {
      await imageio.options(operation.signal);
      return imageio;
    } catch (error) {
      failure = error;
      // It answers: what it has to say is said to the upload as well.
      if (error instanceof FactoryError && error.status !== undefined) return imageio;
      await imageio.close();
      operation.signal.throwIfAborted();
    }
  }
  throw failure;
}

/**
 * The host does not know the transfer's ticket any more. The engine sees it soon, and pauses the transfer; it cannot
 * make another ticket for it. So the transfer is cancelled, with its disk, and the next attempt begins again.
 */
async function giveUpTicket(
  operation: Operation,
  engine: Engine,
  transfer: OvirtTransfer,
  cause: unknown,
): Promise<FactoryError> {
  await cancelTransfer(operation, engine, transfer.id);
  return new FactoryError('CloudUnavailable', 'the oVirt host has lost the upload: it begins again', {
    retryable: true,
    cause,
  });
}
