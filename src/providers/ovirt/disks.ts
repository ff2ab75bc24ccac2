import { FactoryError } from '../../domain/errors.js';
import { isMarkedAs, PROVIDER_KEYS } from '../../domain/provider-marks.js';
import { TOOL } from '../../domain/names.js';
import { measureQcow2 } from '../../formats/index.js';
import type { Operation, PushedImage } from '../types.js';
import type { Engine } from './engine.js';
import { describe, diskIdOf, haveSameMarks, isPushedDisk, nameOf, readMarks, STAGE, type Stage } from './marks.js';
import { DISK, listOf, type OvirtDisk, type OvirtStorageDomain } from './schemas.js';
import { createOrFind, waitFor } from './wait.js';

/** Sizes of disks are multiples of it: vdsm refuses others. */
const ALIGNMENT = 4096;
/** Storage whose volumes are logical volumes. A raw disk there takes its whole size, since LVM has no holes. */
const BLOCK_STORAGE = ['iscsi', 'fcp'];
/** Times that the engine is asked for something that it does after its answer. */
const ASKED = 3;
/** Looks at something on which nothing works any more, before the engine is asked again. */
const LOOKS = 5;

/** Returns the disk of a push. @throws FactoryError Conflict when somebody else's disk has the id */
export async function findDisk(
  engine: Engine,
  image: PushedImage,
  signal?: AbortSignal,
): Promise<OvirtDisk | undefined> {
  const disk = await readDisk(engine, diskIdOf(image), signal);
  if (disk === undefined || isMarkedAs(readMarks(disk.description), image)) return disk;
  throw new FactoryError('Conflict', `oVirt has a disk ${disk.id} (${disk.alias}) that is not of this push`, {
    hint: 'give the disk its description back, or remove it, and push again',
  });
}

export async function readDisk(engine: Engine, id: string, signal?: AbortSignal): Promise<OvirtDisk | undefined> {
  return await engine.get(`/disks/${encodeURIComponent(id)}`, DISK, signal);
}

/** Reads a disk with the virtual machines that have it: the engine leaves them out unless it is asked. */
export async function readDiskWithUsers(
  engine: Engine,
  id: string,
  signal?: AbortSignal,
): Promise<OvirtDisk | undefined> {
  return await engine.get(`/disks/${encodeURIComponent(id)}?all_content=true`, DISK, signal);
}

/** How far the push of a disk has come. Undefined: it is finished. */
export function stageOf(disk: OvirtDisk): string | undefined {
  return readMarks(disk.description)[STAGE];
}

/** Makes the disk of a push, unless an earlier attempt has made it. */
export async function createDisk(
  operation: Operation,
  engine: Engine,
  image: PushedImage,
  domain: OvirtStorageDomain,
): Promise<OvirtDisk> {
  const { signal } = operation;
  const { file } = image;
  const isCow = file.format === 'qcow2';
  const size = Math.ceil(file.virtualSize / ALIGNMENT) * ALIGNMENT;
  const isBlockStorage = BLOCK_STORAGE.includes(domain.storage?.type ?? '');
  const body = {
    id: diskIdOf(image),
    alias: nameOf(image),
    name: nameOf(image),
    description: describe(image, operation.creator, 'upload'),
    format: isCow ? 'cow' : 'raw',
    sparse: isCow || !isBlockStorage,
    provisioned_size: size,
    // On block storage nobody makes the volume larger while it is written, so it must hold all data from its beginning.
    ...(isCow ? { initial_size: await measure(file, signal) } : {}),
    storage_domains: { storage_domain: [{ id: domain.id }] },
  };
  return await createOrFind(
    () => engine.create('/disks', body, DISK, signal),
    () => findDisk(engine, image, signal),
  );
}

async function measure(file: PushedImage['file'], signal: AbortSignal): Promise<number> {
  return await measureQcow2({ path: file.path, format: 'qcow2', virtualSize: file.virtualSize }, [], signal);
}

/** Waits until nothing works on a disk. @throws FactoryError ImageFailed when the disk is illegal, or has gone */
export async function waitForDisk(operation: Operation, engine: Engine, id: string): Promise<OvirtDisk> {
  return await waitFor(operation, 'oVirt makes the disk', async () => {
    const disk = await readDisk(engine, id, operation.signal);
    if (disk === undefined) {
      throw new FactoryError('ImageFailed', `oVirt has removed the disk ${id} while it was made`, {
        retryable: true,
        hint: 'look for the reason in the events of the Administration Portal',
      });
    }
    if (disk.status === 'ok') return disk;
    if (disk.status === 'illegal') {
      throw new FactoryError('ImageFailed', `oVirt says that the disk ${id} is illegal`, {
        hint: 'see the events of the Administration Portal; remove what was uploaded, and push again',
      });
    }
    return undefined;
  });
}

/** Writes into the disk's description how far the push has come. The engine does it after its answer. */
export async function markDisk(
  operation: Operation,
  engine: Engine,
  image: PushedImage,
  stage: Stage | undefined,
): Promise<void> {
  const id = diskIdOf(image);
  const description = describe(image, operation.creator, stage);
  await writeDescription(operation, engine, `/disks/${id}`, description, () => waitForDisk(operation, engine, id));
}

/**
 * Writes a description, and waits until its marks are there: the engine writes it after its answer, or fails to.
 *
 * @throws FactoryError CloudUnavailable, retryable, when the engine does not write it
 */
export async function writeDescription(
  operation: Operation,
  engine: Engine,
  path: string,
  description: string,
  read: () => Promise<{ description?: string | undefined }>,
): Promise<void> {
  await engine.update(path, { description }, operation.signal);
  let looked = 0;
  await waitFor(operation, 'oVirt changes the description', async () => {
    if (haveSameMarks((await read()).description, description)) return true;
    if (++looked === LOOKS * ASKED) {
      throw new FactoryError('CloudUnavailable', `oVirt does not change the description of ${path.slice(1)}`, {
        retryable: true,
        hint: 'look for the reason in the events of the Administration Portal',
      });
    }
    if (looked % LOOKS === 0) await engine.update(path, { description }, operation.signal);
    return undefined;
  });
}

/** Lists the disks that this program has made. */
export async function listDisks(engine: Engine, uuid: string | undefined, signal?: AbortSignal): Promise<OvirtDisk[]> {
  const disks = await engine.list(`/disks?${searchMarks(uuid)}`, listOf('disk', DISK), signal);
  return disks.filter((disk) => isOurs(disk.description, uuid) && isPushedDisk(disk));
}

/** The query for what has our marks in its description. The engine's search knows `*`, and takes it for any text. */
export function searchMarks(uuid: string | undefined): string {
  return new URLSearchParams({ search: `description=*${uuid ?? TOOL}*` }).toString();
}

/** Whether a description has our mark, and that of the image with this UUID. */
export function isOurs(description: string | undefined, uuid: string | undefined): boolean {
  const marks = readMarks(description);
  return marks[PROVIDER_KEYS.tool] === TOOL && (uuid === undefined || marks[PROVIDER_KEYS.image] === uuid);
}

/** Removes a disk, and waits until it is gone. @returns false when it was not there */
export async function deleteDisk(operation: Operation, engine: Engine, id: string): Promise<boolean> {
  const path = `/disks/${encodeURIComponent(id)}`;
  const removed = await engine.remove(path, operation.signal);
  await waitForAbsence(operation, engine, path, `oVirt removes the disk ${id}`);
  return removed;
}

/**
 * Waits until something is gone: the engine answers before it has removed it. While it removes it, it is locked. When
 * it is not, the deletion has failed, and is asked for again.
 *
 * @throws FactoryError ImageFailed when the engine does not remove it
 */
export async function waitForAbsence(
  operation: Operation,
  engine: Engine,
  path: string,
  message: string,
): Promise<void> {
  let looked = 0;
  await waitFor(operation, message, async () => {
    const left = await engine.get(path, DISK.partial(), operation.signal);
    if (left === undefined) return true;
    if (left.status !== undefined && /locked$/.test(left.status)) return undefined;
    if (++looked === LOOKS * ASKED) {
      throw new FactoryError('ImageFailed', `oVirt does not remove ${path.slice(1)}: it is ${left.status}`, {
        hint: 'look for the reason in the events of the Administration Portal, and remove it there',
      });
    }
    if (looked % LOOKS === 0) await engine.remove(path, operation.signal);
    return undefined;
  });
}
