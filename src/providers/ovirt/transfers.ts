import { FactoryError } from '../../domain/errors.js';
import type { Operation } from '../types.js';
import { readDisk } from './disks.js';
import type { Engine } from './engine.js';
import { INACTIVITY_SECONDS } from './keep-alive.js';
import { listOf, TRANSFER, type OvirtTransfer } from './schemas.js';
import { createOrFind, waitFor } from './wait.js';

/*
 * The phases of a transfer: ImageTransferPhase of the API, and TransferDiskImageCommand of the engine, which says what
 * follows what.
 */
const OPENING = ['initializing', 'resuming', 'unknown'];
const CLOSING = ['finalizing_success'];
/** From here, the engine removes the disk and the transfer. */
const FAILED = [
  'finalizing_failure',
  'finished_failure',
  'cancelled',
  'cancelled_user',
  'cancelled_system',
  'finalizing_cleanup',
  'finished_cleanup',
];
/** Times that an upload is ended when the replies are lost. */
const ASKED = 3;
const FINISHED = ['finished_success', 'finished_failure', 'finished_cleanup'];

/**
 * Finds the transfer of a disk that has not ended. Undefined when there is none. The engine keeps ended transfers for
 * some minutes.
 */
export async function findTransfer(
  engine: Engine,
  diskId: string,
  signal?: AbortSignal,
): Promise<OvirtTransfer | undefined> {
  const transfers = await engine.list('/imagetransfers', listOf('image_transfer', TRANSFER), signal);
  return transfers.find(
    ({ disk, image, phase, direction }) =>
      (disk?.id ?? image?.id) === diskId && direction !== 'download' && !FINISHED.includes(phase),
  );
}

/** Starts a transfer, or finds the one that an earlier attempt has started. */
export async function startTransfer(operation: Operation, engine: Engine, diskId: string): Promise<OvirtTransfer> {
  const { signal } = operation;
  const body = {
    disk: { id: diskId },
    direction: 'upload',
    // What a guest sees is transferred, whatever the format of the disk: so the host can tell zeros from data, takes
    // several writers, and has the same checksum on files and on block storage.
    format: 'raw',
    // A worker that dies leaves a paused transfer, which the next one resumes. The other policies remove the disk.
    timeout_policy: 'pause',
    inactivity_timeout: INACTIVITY_SECONDS,
  };
  return await createOrFind(
    () => engine.create('/imagetransfers', body, TRANSFER, signal),
    () => findTransfer(engine, diskId, signal),
  );
}

/**
 * Waits until bytes can be sent, and resumes a transfer that the engine has paused.
 *
 * @throws FactoryError CloudUnavailable, retryable, when the engine pauses it again; ImageFailed, retryable, when it
 *   was cancelled
 */
export async function openTransfer(operation: Operation, engine: Engine, id: string): Promise<OvirtTransfer> {
  let resumed = false;
  return await waitFor(operation, 'oVirt opens the disk for the upload', async () => {
    const transfer = await readTransfer(operation, engine, id);
    if (transfer === undefined) throw failedError(id, 'gone', true);
    const { phase } = transfer;
    // The engine removes its disk. The next attempt makes another one.
    if (FAILED.includes(phase)) throw failedError(id, phase, true);
    if (phase === 'paused_system') {
      if (resumed) throw pausedError(id);
      resumed = true;
      await engine.act(`/imagetransfers/${id}`, 'resume', operation.signal);
      return undefined;
    }
    if (phase === 'paused_user') {
      operation.report({ message: 'the upload was paused in oVirt’s Administration Portal: resume it there' });
      return undefined;
    }
    return OPENING.includes(phase) ? undefined : transfer;
  });
}

/** Whether the engine already closes the transfer, or has closed it: then nothing can be sent. */
export function isClosing({ phase }: OvirtTransfer): boolean {
  return CLOSING.includes(phase) || phase === 'finished_success';
}

/**
 * Ends the upload, and waits until the engine has checked the disk. The engine does it after its answer.
 *
 * @throws FactoryError ImageFailed when the engine refuses the disk: it then removes it
 */
export async function finalizeTransfer(
  operation: Operation,
  engine: Engine,
  id: string,
  diskId: string,
): Promise<void> {
  let asked = 0;
  await waitFor(operation, 'oVirt checks the disk', async () => {
    const transfer = await readTransfer(operation, engine, id);
    // An engine before 4.4.7 removes the transfer at its end, so the disk tells how it went.
    if (transfer === undefined) return await wasGood(operation, engine, id, diskId);
    if (transfer.phase === 'finished_success') return true;
    if (FAILED.includes(transfer.phase)) throw failedError(id, transfer.phase);
    if (transfer.phase === 'paused_system') throw pausedError(id);
    if (transfer.phase !== 'transferring' || asked === ASKED) return undefined;
    await engine.act(`/imagetransfers/${id}`, 'finalize', operation.signal).then(
      () => (asked = ASKED),
      (error: unknown) => {
        // A lost reply does not tell whether the engine has understood. The phase does.
        operation.signal.throwIfAborted();
        if (++asked === ASKED || !(error instanceof FactoryError) || !error.retryable) throw error;
      },
    );
    return undefined;
  });
}

async function wasGood(operation: Operation, engine: Engine, id: string, diskId: string): Promise<true | undefined> {
  const disk = await readDisk(engine, diskId, operation.signal);
  if (disk === undefined || disk.status === 'illegal') throw failedError(id, `gone, its disk is ${disk?.status}`);
  return disk.status === 'ok' ? true : undefined;
}

/** Cancels a transfer, and waits until it has ended. The engine removes its disk. */
export async function cancelTransfer(operation: Operation, engine: Engine, id: string): Promise<void> {
  let asked = false;
  await waitFor(operation, 'oVirt ends the upload', async () => {
    const transfer = await readTransfer(operation, engine, id);
    if (transfer === undefined || FINISHED.includes(transfer.phase)) return true;
    if (FAILED.includes(transfer.phase) || CLOSING.includes(transfer.phase) || asked) return undefined;
    asked = true;
    await engine.act(`/imagetransfers/${id}`, 'cancel', operation.signal);
    return undefined;
  });
}

async function readTransfer(operation: Operation, engine: Engine, id: string): Promise<OvirtTransfer | undefined> {
  return await engine.get(`/imagetransfers/${encodeURIComponent(id)}`, TRANSFER, operation.signal);
}

function pausedError(id: string): FactoryError {
  return new FactoryError('CloudUnavailable', `oVirt has paused the upload (transfer ${id}, paused_system)`, {
    retryable: true,
    hint: 'look for the reason in the events of the Administration Portal: a host must be up, and run ovirt-imageio',
  });
}

function failedError(id: string, phase: string, retryable = false): FactoryError {
  return new FactoryError('ImageFailed', `oVirt has ended the upload (transfer ${id} is ${phase})`, {
    retryable,
    hint: 'look for the reason in the events of the Administration Portal',
  });
}
